// narabi index --recall-check: how well and how fast the approximate vector index finds.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace narabi::cli {

struct RecallOptions {
  std::string folder;
  std::string embedder;  // where it is not where the index says
  std::size_t queries = 100;
  std::optional<double>
      target;  // recall@100 that the noted row has to reach; none: nothing is noted
  bool json = false;
};

// Recall and time by nprobe and refine, to choose them from; to stdout. With a target the fastest
// row that reaches it is noted in the index; InvalidArgument when none does.
void show_recall(const RecallOptions& options);

}  // namespace narabi::cli
