#include <algorithm>
#include <charconv>
#include <cmath>

#include "narabi/error.h"
#include "narabi/evaluation.h"

namespace narabi {
namespace {

using Judged = std::map<std::string, int>;
using Ranking = std::vector<std::pair<std::string, double>>;

// Relevance of the first k of a ranking; unjudged and negative count as 0.
std::vector<int> gains(const Judged& judged, const Ranking& ranking, std::size_t k) {
  std::vector<int> out;
  for (std::size_t i = 0; i < std::min(k, ranking.size()); ++i) {
    const auto found = judged.find(ranking[i].first);
    out.push_back(found == judged.end() ? 0 : std::max(0, found->second));
  }
  return out;
}

std::size_t positives(const Judged& judged) {
  return static_cast<std::size_t>(std::count_if(
      judged.begin(), judged.end(), [](const auto& entry) { return entry.second > 0; }));
}

double dcg(const std::vector<int>& gains) {
  double sum = 0;
  for (std::size_t i = 0; i < gains.size(); ++i)
    sum += gains[i] / std::log2(static_cast<double>(i) + 2);
  return sum;
}

double ndcg(const Judged& judged, const std::vector<int>& found, std::size_t k) {
  std::vector<int> ideal;
  for (const auto& [document, relevance] : judged) ideal.push_back(std::max(0, relevance));
  std::sort(ideal.rbegin(), ideal.rend());
  ideal.resize(std::min(k, ideal.size()));
  const double best = dcg(ideal);
  return best > 0 ? dcg(found) / best : 0;
}

double reciprocal_rank(const std::vector<int>& found) {
  const auto first = std::find_if(found.begin(), found.end(), [](int gain) { return gain > 0; });
  return first == found.end() ? 0 : 1.0 / static_cast<double>(first - found.begin() + 1);
}

double average_precision(const Judged& judged, const std::vector<int>& found) {
  double sum = 0, hits = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i] > 0) sum += ++hits / static_cast<double>(i + 1);
  }
  const std::size_t all = positives(judged);
  return all > 0 ? sum / static_cast<double>(all) : 0;
}

double hits(const std::vector<int>& found) {
  return static_cast<double>(
      std::count_if(found.begin(), found.end(), [](int gain) { return gain > 0; }));
}

double recall(const Judged& judged, const std::vector<int>& found) {
  const std::size_t all = positives(judged);
  return all > 0 ? hits(found) / static_cast<double>(all) : 0;
}

struct Metric {
  std::string name;
  std::size_t k;
};

Metric parse_metric(const std::string& text) {
  const std::size_t at = text.find('@');
  Metric metric{text.substr(0, at), 0};
  const bool known = metric.name == "ndcg" || metric.name == "mrr" || metric.name == "map" ||
                     metric.name == "recall" || metric.name == "hit";
  if (at != std::string::npos) {
    const char* begin = text.data() + at + 1;
    const char* end = text.data() + text.size();
    if (std::from_chars(begin, end, metric.k).ptr != end) metric.k = 0;
  }
  if (!known || metric.k == 0) {
    throw InvalidArgument(
        "metric: expected ndcg@K, mrr@K, map@K, recall@K or hit@K with K >= 1, found " + text);
  }
  return metric;
}

double measure(const Metric& metric, const Judged& judged, const Ranking& ranking) {
  const std::vector<int> found = gains(judged, ranking, metric.k);
  if (metric.name == "ndcg") return ndcg(judged, found, metric.k);
  if (metric.name == "mrr") return reciprocal_rank(found);
  if (metric.name == "map") return average_precision(judged, found);
  if (metric.name == "recall") return recall(judged, found);
  return hits(found) > 0 ? 1 : 0;
}

}  // namespace

std::map<std::string, double> evaluate_per_query(const Qrels& qrels, const Run& run,
                                                 const std::string& metric) {
  const Metric parsed = parse_metric(metric);
  std::map<std::string, double> values;
  for (const auto& [query, ranking] : run) {
    const auto judged = qrels.find(query);
    if (judged != qrels.end()) values[query] = measure(parsed, judged->second, ranking);
  }
  return values;
}

double evaluate(const Qrels& qrels, const Run& run, const std::string& metric) {
  const auto values = evaluate_per_query(qrels, run, metric);
  if (values.empty()) throw InvalidArgument("no query is in both the run and the qrels");
  double sum = 0;
  for (const auto& [query, value] : values) sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace narabi
