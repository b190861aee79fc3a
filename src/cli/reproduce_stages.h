// The first stages of narabi reproduce: an index over all passages, or fixed sets of candidates.
#pragma once

#include <functional>
#include <optional>

#include "cli/reproduce_task.h"
#include "narabi/index.h"

namespace narabi::cli {

// Adds BM25 and, for each embedder, dense and hybrid search of an index that `fill` fills.
void add_index_stages(ReproduceTask& task, const ReproduceOptions& options,
                      const std::function<void(IndexWriter&)>& fill);

// Adds BM25 and each embedder's order of the sets themselves: BM25 counts in the 100 passages of a
// query alone, as the published evaluations do. `sets`: passages by query.
void add_set_stages(ReproduceTask& task, const ReproduceOptions& options,
                    const std::vector<std::vector<std::size_t>>& sets);

}  // namespace narabi::cli
