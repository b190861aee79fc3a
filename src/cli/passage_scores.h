// The passages of one query through the reranker: all, or as many as a time budget lets through;
// whole, or as windows of which the best counts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "narabi/reranker.h"

namespace narabi::cli {

struct ScoreLimits {
  std::optional<double> budget_ms;  // from the call on; none: everything is scored
  bool windows = false;
};

// The logits of the first passages, in order: fewer than there are when the budget is used up.
std::vector<float> score_passages(const Reranker& reranker, std::string_view query,
                                  const std::vector<std::string>& passages,
                                  const ScoreLimits& limits);

}  // namespace narabi::cli
