#include "train/validation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "narabi/error.h"

namespace narabi::train {
namespace {

double deviation(const float* values, std::size_t count) {
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < count; ++i) {
    sum += values[i];
    squares += static_cast<double>(values[i]) * values[i];
  }
  const double n = static_cast<double>(count);
  return std::sqrt(std::max(0.0, squares / n - sum / n * (sum / n)));
}

constexpr std::size_t kDepth = 10;

// Of labels from the first place on.
double dcg(const std::vector<float>& labels) {
  double sum = 0;
  for (std::size_t i = 0; i < std::min(kDepth, labels.size()); ++i)
    sum += std::max(0.0f, labels[i]) / std::log2(static_cast<double>(i) + 2);
  return sum;
}

float least_relevant(const std::vector<float>& labels) {
  const auto [low, high] = std::minmax_element(labels.begin(), labels.end());
  if (*low >= 0 && *high <= 1) return 0.5f;
  return std::nextafter(*low, std::numeric_limits<float>::infinity());
}

struct Mean {
  double sum = 0, count = 0;
  void add(double value) {
    sum += value;
    ++count;
  }
  double value() const { return count > 0 ? sum / count : 0; }
};

}  // namespace

Validation::Validation(const std::string& file, std::int64_t limit, const PairLimits& limits)
    : limits_(limits) {
  const data::GroupFile groups(file);
  const std::size_t count =
      limit > 0 ? std::min(groups.size(), static_cast<std::size_t>(limit)) : groups.size();
  // Spread over the file: neighbours are questions to one article.
  bool judged = false;
  for (std::size_t i = 0; i < count; ++i) {
    groups_.push_back(groups.read(i * groups.size() / count));
    const std::vector<float>& labels = groups_.back().labels;
    judged = judged || std::any_of(labels.begin(), labels.end(),
                                   [&](float label) { return label != labels.front(); });
  }
  if (!judged)
    throw InvalidFormat(file +
                        ": expected groups with labels that differ, to judge by; found none");
}

Quality Validation::measure(const Reader& reader, bool bf16, base::ThreadPool& pool) const {
  return rank_quality(groups_, score_groups(reader, groups_, limits_, bf16, pool));
}

Quality rank_quality(const std::vector<data::Group>& groups, const std::vector<float>& scores) {
  Quality quality;
  Mean ndcg, mrr, hit;
  const float* next = scores.data();
  for (const data::Group& group : groups) {
    const std::vector<float>& labels = group.labels;
    std::vector<std::size_t> order(labels.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return next[a] != next[b] ? next[a] > next[b] : labels[a] < labels[b];
    });
    std::vector<float> found;
    for (const std::size_t i : order) found.push_back(labels[i]);
    std::vector<float> ideal = labels;
    std::sort(ideal.rbegin(), ideal.rend());
    const bool judged = ideal.front() > ideal.back();
    if (judged && dcg(ideal) > 0) ndcg.add(dcg(found) / dcg(ideal));
    const float least = least_relevant(labels);
    if (judged && ideal.front() >= least) {
      const auto first =
          std::find_if(found.begin(), found.end(), [&](float label) { return label >= least; });
      const auto rank = static_cast<std::size_t>(first - found.begin()) + 1;
      mrr.add(rank <= kDepth ? 1 / static_cast<double>(rank) : 0);
      hit.add(rank == 1 ? 1 : 0);
    }
    quality.spread += deviation(next, labels.size()) / static_cast<double>(groups.size());
    next += labels.size();
  }
  quality.ndcg = ndcg.value();
  quality.mrr = mrr.value();
  quality.hit = hit.value();
  return quality;
}

}  // namespace narabi::train
