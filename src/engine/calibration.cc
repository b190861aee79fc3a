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
  Measurements(const std::string& folder, Precision precision,
               std::span<const std::vector<Encoding>> questions, int threads,
               const std::function<void()>& step)
      : folder_(folder),
        precision_(precision),
        questions_(questions),
        threads_(threads),
        step_(step) {
    for (const auto& candidates : questions)
      all_.insert(all_.end(), candidates.begin(), candidates.end());
    for (const auto& candidates : questions.first((questions.size() + 7) / 8))
      some_ += candidates.size();
    reference_ = logits(Precision::kF32, {}, all_.size());
  }

  Agreement agreement(const LayerPrecisions& layers) {
    const std::vector<float> found = logits(precision_, layers, all_.size());
    const std::span<const float> logits = found;
    double sum = 0;
    std::size_t first = 0;
    for (const auto& candidates : questions_) {
      sum += kendall_tau(std::span(reference_).subspan(first, candidates.size()),
                         logits.subspan(first, candidates.size()));
      first += candidates.size();
    }
    Agreement agreement{.tau = questions_.empty() ? 1.0
                                                  : sum / static_cast<double>(questions_.size())};
    for (std::size_t i = 0; i < found.size(); ++i) {
      const double difference = std::abs(static_cast<double>(found[i]) - reference_[i]);
      if (!(difference <= agreement.max_difference)) agreement.max_difference = difference;
    }
    return agreement;
  }

  // Mean square of the logits' differences where all but the group is f32.
  double harm(const std::string& group, Precision precision) {
    const std::vector<float> found = logits(Precision::kF32, {{group, precision}}, some_);
    double sum = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      const double difference = static_cast<double>(found[i]) - reference_[i];
      sum += difference * difference;
    }
    return sum / static_cast<double>(std::max<std::size_t>(1, found.size()));
  }

 private:
  std::vector<float> logits(Precision precision, const LayerPrecisions& layers, std::size_t count) {
    const Scorer scorer(folder_, {.precision = precision, .threads = threads_}, layers);
    std::vector<float> found = scorer.logits(std::span(all_).first(count));
    step_();
    return found;
  }

  std::string folder_;
  Precision precision_;
  std::span<const std::vector<Encoding>> questions_;
  int threads_;
  const std::function<void()>& step_;
  std::vector<Encoding> all_;
  std::size_t some_ = 0;
  std::vector<float> reference_;
};

// One group made wider: what it takes from the mean square of the logits' differences, and what it
// costs. A step to f32 may stand for the two over bf16.
struct Step {
  std::string group;
  Precision wider;
  double gain, cost;
  double worth() const { return gain / cost; }
};

double cost_of(Precision precision) {
  return precision == Precision::kInt8   ? 1
         : precision == Precision::kBf16 ? kCostOfBf16
                                         : kCostOfF32;
}

// The steps of one group from `precision` to f32, each worth less than the one before it.
std::vector<Step> steps_of(const models::LinearGroup& group, Precision precision,
                           Measurements& measure) {
  const auto weights = static_cast<double>(group.weights);
  const auto step = [&](double gain, Precision from, Precision to) {
    return Step{group.name, to, gain, weights * (cost_of(to) - cost_of(from))};
  };
  const double narrow = measure.harm(group.name, precision);
  const Step direct = step(narrow, precision, Precision::kF32);
  if (precision == Precision::kBf16) return {direct};
  const double bf16 = measure.harm(group.name, Precision::kBf16);
  const Step first = step(narrow - bf16, precision, Precision::kBf16);
  const Step second = step(bf16, Precision::kBf16, Precision::kF32);
  if (first.worth() <= second.worth()) return {direct};
  return {first, second};
}

// All steps, those worth most first.
std::vector<Step> order_steps(const std::vector<models::LinearGroup>& groups, Precision precision,
                              Measurements& measure) {
  std::vector<Step> steps;
  for (const models::LinearGroup& group : groups) {
    for (Step& step : steps_of(group, precision, measure)) steps.push_back(std::move(step));
  }
  std::stable_sort(steps.begin(), steps.end(),
                   [](const Step& a, const Step& b) { return a.worth() > b.worth(); });
  return steps;
}

// How many steps keep the mean cost of a weight below what is allowed.
std::size_t affordable(const std::vector<Step>& steps,
                       const std::vector<models::LinearGroup>& groups, Precision precision) {
  double weights = 0;
  for (const models::LinearGroup& group : groups) weights += static_cast<double>(group.weights);
  const double most = precision == Precision::kInt8 ? kMostCostOfInt8 : kMostCostOfBf16;
  double left = weights * (most - cost_of(precision));
  std::size_t count = 0;
  while (count < steps.size() && steps[count].cost <= left) left -= steps[count++].cost;
  return count;
}

// How far an agreement is from what is asked for: at most 1 where it is calibrated.
double distance(Precision precision, const Agreement& agreement) {
  const double order = (1 - agreement.tau) / (1 - kCalibratedTau);
  if (precision != Precision::kBf16) return order;
  return std::max(order, agreement.max_difference / kCalibratedDifference);
}

LayerPrecisions taken(std::span<const Step> steps) {
  LayerPrecisions layers;
  for (const Step& step : steps) layers[step.group] = step.wider;  // f32 after bf16
  return layers;
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

bool is_calibrated(Precision precision, const Agreement& agreement) {
  return agreement.tau >= kCalibratedTau &&
         (precision != Precision::kBf16 || agreement.max_difference <= kCalibratedDifference);
}

Calibration calibrate(const std::string& folder, Precision precision,
                      std::span<const std::vector<Encoding>> questions, int threads,
                      const std::function<void()>& step) {
  Measurements measure(folder, precision, questions, threads, step);
  Calibration found;
  const std::vector<models::LinearGroup> groups = models::linear_groups(folder);
  found.groups = groups.size();
  found.plain = found.found = measure.agreement({});
  if (is_calibrated(precision, found.plain)) return found;
  const std::vector<Step> steps = order_steps(groups, precision, measure);
  std::size_t few = 1, enough = affordable(steps, groups, precision);
  for (std::size_t count = enough; count > 0; count = (few + enough) / 2) {
    LayerPrecisions layers = taken(std::span(steps).first(count));
    const Agreement agreement = measure.agreement(layers);
    const bool reached = is_calibrated(precision, agreement);
    const bool closer = distance(precision, agreement) < distance(precision, found.found);
    if (reached || (closer && !is_calibrated(precision, found.found))) {
      found.found = agreement;
      found.layers = std::move(layers);
    }
    if (!reached && count == enough) break;  // not even with all that is affordable
    (reached ? enough : few) = reached ? count : count + 1;
    if (few >= enough) break;
  }
  return found;
}

}  // namespace narabi::engine
