// narabi index explain: why a document stands where it stands.
#pragma once

#include <string>

namespace narabi::cli {

struct ExplainOptions {
  std::string folder, query, id;  // id empty: the best document
  std::string embedder;           // where it is not where the index says
  std::string model;              // of a reranker; empty: none
  bool json = false;
};

// Which terms give how much; where the index has vectors or a reranker is given, which arm found
// it at which rank of its first 100, and the reranker's score. To stdout.
void explain_document(const ExplainOptions& options);

}  // namespace narabi::cli
