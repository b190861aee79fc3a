// Reranking of a stage's candidates at several depths, each pair scored once.
#pragma once

#include <span>

#include "cli/reproduce_task.h"
#include "narabi/reranker.h"

namespace narabi::cli {

struct StageScores {
  std::vector<std::vector<float>> logits;  // by query and candidate, as far as the deepest depth
  std::vector<double> seconds;             // by depth: of all queries, measured
  std::vector<std::size_t> pairs;          // by depth
};

// `depths` ascending. The candidates between one depth and the next are scored after those above
// them, so that a depth's seconds are those of its own pairs.
StageScores score_depths(const ReproduceTask& task, const Stage& stage, const Reranker& reranker,
                         std::span<const std::size_t> depths, bool progress);

// The first `depth` candidates by logit + weight x first-stage score; those below as they stood.
Ranking rerank_stage(const Stage& stage, const StageScores& scores, std::size_t depth,
                     double weight);

}  // namespace narabi::cli
