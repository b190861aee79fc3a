#include "cli/passage_scores.h"

#include <algorithm>
#include <chrono>

#include "rerank/budget.h"
#include "service/windows.h"

namespace narabi::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSpecialTokens = 4, kLeastWindow = 16;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// The best window speaks for its passage.
void score_some(const Reranker& reranker, std::string_view query,
                const std::vector<std::string>& passages, std::size_t end, int window,
                std::vector<float>& logits) {
  std::vector<Pair> pairs;
  std::vector<std::size_t> owners;
  for (std::size_t i = logits.size(); i < end; ++i) {
    if (window == 0) {
      pairs.push_back({query, passages[i]});
      owners.push_back(i);
      continue;
    }
    for (const auto part : service::cut_windows(reranker.tokenizer(), passages[i], window)) {
      pairs.push_back({query, part});
      owners.push_back(i);
    }
  }
  const std::vector<Score> scores = reranker.score(pairs);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (owners[i] == logits.size()) {
      logits.push_back(scores[i].logit);
    } else {
      logits.back() = std::max(logits.back(), scores[i].logit);
    }
  }
}

}  // namespace

std::vector<float> score_passages(const Reranker& reranker, std::string_view query,
                                  const std::vector<std::string>& passages,
                                  const ScoreLimits& limits) {
  int window = 0;
  if (limits.windows) {
    const auto asked = static_cast<int>(reranker.tokenizer().encode_plain(query).input_ids.size());
    window = std::max(reranker.max_length() - asked - kSpecialTokens, kLeastWindow);
  }
  std::vector<float> logits;
  if (!limits.budget_ms) {
    score_some(reranker, query, passages, passages.size(), window, logits);
    return logits;
  }
  const auto start = Clock::now();
  rerank::BudgetPlanner planner(*limits.budget_ms);
  while (const std::size_t count = planner.next(ms_since(start), passages.size() - logits.size())) {
    const double before = ms_since(start);
    score_some(reranker, query, passages, logits.size() + count, window, logits);
    planner.done(count, ms_since(start) - before);
  }
  return logits;
}

}  // namespace narabi::cli
