#include "engine/calibration.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/scorer.h"
#include "models/registry.h"

namespace narabi::engine {
namespace {

class Measurements {
 public:
  Measurements(const std::string& folder, std::span<const std::vector<Encoding>> questions,
               int threads, const std::function<void()>& step)
      : folder_(folder), questions_(questions), threads_(threads), step_(step) {
    for (const auto& candidates : questions)
      all_.insert(all_.end(), candidates.begin(), candidates.end());
    reference_ = logits(Precision::kF32, {});
  }

  std::vector<float> int8(const std::set<std::string>& bf16) {
    return logits(Precision::kInt8, bf16);
  }

  // Mean over the questions.
  double tau(std::span<const float> logits) const {
    double sum = 0;
    std::size_t first = 0;
    for (const auto& candidates : questions_) {
      sum += kendall_tau(std::span(reference_).subspan(first, candidates.size()),
                         logits.subspan(first, candidates.size()));
      first += candidates.size();
    }
    return questions_.empty() ? 1.0 : sum / static_cast<double>(questions_.size());
  }

  double difference(std::span<const float> logits) const {
    double sum = 0;
    for (std::size_t i = 0; i < logits.size(); ++i)
      sum += std::abs(static_cast<double>(logits[i]) - reference_[i]);
    return sum;
  }

 private:
  std::vector<float> logits(Precision precision, const std::set<std::string>& bf16) {
    const Scorer scorer(folder_, {.precision = precision, .threads = threads_}, bf16);
    std::vector<float> found = scorer.logits(all_);
    step_();
    return found;
  }

  std::string folder_;
  std::span<const std::vector<Encoding>> questions_;
  int threads_;
  const std::function<void()>& step_;
  std::vector<Encoding> all_;
  std::vector<float> reference_;
};

// The groups, the one first that alone in bf16 brings the logits closest to those of f32.
std::vector<std::string> by_help(const std::vector<std::string>& groups, Measurements& measure) {
  std::vector<std::pair<double, std::string>> left;
  for (const std::string& group : groups)
    left.emplace_back(measure.difference(measure.int8({group})), group);
  std::sort(left.begin(), left.end());
  std::vector<std::string> ordered;
  for (auto& [difference, group] : left) ordered.push_back(std::move(group));
  return ordered;
}

}  // namespace

double kendall_tau(std::span<const float> a, std::span<const float> b) {
  double concordant = 0, discordant = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = i + 1; j < a.size(); ++j) {
      const double product =
          (static_cast<double>(a[i]) - a[j]) * (static_cast<double>(b[i]) - b[j]);
      concordant += product > 0;
      discordant += product < 0;
    }
  }
  return concordant + discordant > 0 ? (concordant - discordant) / (concordant + discordant) : 1.0;
}

Calibration calibrate(const std::string& folder, std::span<const std::vector<Encoding>> questions,
                      int threads, const std::function<void()>& step) {
  Measurements measure(folder, questions, threads, step);
  Calibration found;
  const std::vector<std::string> groups = models::linear_groups(folder);
  found.groups = groups.size();
  found.int8_tau = found.tau = measure.tau(measure.int8({}));
  if (found.tau >= kCalibratedTau) return found;
  const std::vector<std::string> ordered = by_help(groups, measure);
  const std::size_t most = (groups.size() + 1) / 2;
  for (std::size_t count = 1; count <= most && found.tau < kCalibratedTau;
       count += std::max<std::size_t>(1, count / 2)) {
    const std::set<std::string> bf16(ordered.begin(),
                                     ordered.begin() + static_cast<std::ptrdiff_t>(count));
    const double tau = measure.tau(measure.int8(bf16));
    if (tau > found.tau) {
      found.tau = tau;
      found.bf16 = bf16;
    }
  }
  return found;
}

}  // namespace narabi::engine
