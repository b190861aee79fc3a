#include "cli/reproduce_rerank.h"

#include <algorithm>
#include <chrono>

#include "cli/interrupt.h"
#include "cli/progress.h"
#include "rerank/blend.h"

namespace narabi::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kQuestionsAtATime = 64;

std::size_t pairs_of(const Stage& stage, std::size_t depth) {
  std::size_t pairs = 0;
  for (const auto& candidates : stage.candidates) pairs += std::min(depth, candidates.size());
  return pairs;
}

// Candidates [from, to) of the questions [begin, end); how many they are.
std::size_t score_some(const ReproduceTask& task, const Stage& stage, const Reranker& reranker,
                       std::size_t from, std::size_t to, std::size_t begin, std::size_t end,
                       std::vector<std::vector<float>>& logits) {
  std::vector<std::string> texts;
  std::vector<std::size_t> owners;
  for (std::size_t q = begin; q < end; ++q) {
    const auto& candidates = stage.candidates[q];
    for (std::size_t i = from; i < std::min(to, candidates.size()); ++i) {
      texts.push_back(passage_text(task, candidates[i].first));
      owners.push_back(q);
    }
  }
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < texts.size(); ++i)
    pairs.push_back({task.queries[owners[i]].text, texts[i]});
  const std::vector<Score> scores = reranker.score(pairs);
  for (std::size_t i = 0; i < scores.size(); ++i) logits[owners[i]].push_back(scores[i].logit);
  return scores.size();
}

}  // namespace

StageScores score_depths(const ReproduceTask& task, const Stage& stage, const Reranker& reranker,
                         std::span<const std::size_t> depths, bool progress) {
  StageScores scores;
  scores.logits.resize(stage.candidates.size());
  Progress shown("pairs", pairs_of(stage, depths.back()), progress);
  std::size_t from = 0;
  double seconds = 0;
  for (const std::size_t depth : depths) {
    const auto start = Clock::now();
    for (std::size_t begin = 0; begin < stage.candidates.size(); begin += kQuestionsAtATime) {
      check_interrupt();
      const std::size_t end = std::min(stage.candidates.size(), begin + kQuestionsAtATime);
      shown.add(score_some(task, stage, reranker, from, depth, begin, end, scores.logits));
    }
    seconds += std::chrono::duration<double>(Clock::now() - start).count();
    scores.seconds.push_back(seconds);
    scores.pairs.push_back(pairs_of(stage, depth));
    from = depth;
  }
  return scores;
}

Ranking rerank_stage(const Stage& stage, const StageScores& scores, std::size_t depth,
                     double weight) {
  Ranking ranking;
  for (std::size_t q = 0; q < stage.candidates.size(); ++q) {
    const auto& candidates = stage.candidates[q];
    const std::size_t count = std::min(depth, candidates.size());
    std::vector<double> first_stage;
    for (std::size_t i = 0; i < count; ++i) first_stage.push_back(candidates[i].second);
    auto& out = ranking.emplace_back();
    const std::span<const float> logits(scores.logits[q].data(), count);
    for (const auto& entry : rerank::blend(logits, first_stage, weight))
      out.emplace_back(candidates[entry.index].first, entry.final_score);
    for (std::size_t i = count; i < candidates.size(); ++i) out.push_back(candidates[i]);
  }
  return ranking;
}

}  // namespace narabi::cli
