#include "train/validation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "narabi/evaluation.h"

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

}  // namespace

Validation::Validation(const std::string& file, std::int64_t limit, const PairLimits& limits)
    : limits_(limits) {
  const data::GroupFile groups(file);
  const std::size_t count =
      limit > 0 ? std::min(groups.size(), static_cast<std::size_t>(limit)) : groups.size();
  // Spread over the file: neighbours are questions to one article.
  for (std::size_t i = 0; i < count; ++i) groups_.push_back(groups.read(i * groups.size() / count));
}

Quality Validation::measure(const Reader& reader, bool bf16, base::ThreadPool& pool) const {
  return rank_quality(groups_, score_groups(reader, groups_, limits_, bf16, pool));
}

Quality rank_quality(const std::vector<data::Group>& groups, const std::vector<float>& scores) {
  Qrels qrels;
  Run run;
  Quality quality;
  const float* next = scores.data();
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const std::string query = std::to_string(g);
    const std::vector<float>& labels = groups[g].labels;
    std::vector<std::size_t> order(labels.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return next[a] != next[b] ? next[a] > next[b] : labels[a] < labels[b];
    });
    for (const std::size_t i : order) {
      run[query].emplace_back(std::to_string(i), next[i]);
      if (labels[i] > 0) qrels[query][std::to_string(i)] = std::max(1, static_cast<int>(labels[i]));
    }
    quality.spread += deviation(next, labels.size()) / static_cast<double>(groups.size());
    next += labels.size();
  }
  quality.ndcg = evaluate(qrels, run, "ndcg@10");
  quality.mrr = evaluate(qrels, run, "mrr@10");
  quality.hit = evaluate(qrels, run, "hit@1");
  return quality;
}

}  // namespace narabi::train
