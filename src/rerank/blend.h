// A first-stage score blended into the reranker's.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace narabi::rerank {

struct Blended {
  std::size_t index = 0;   // position among the candidates given
  double first_stage = 0;  // raw BM25 or cosine
  float logit = 0;
  double final_score = 0;  // logit + weight x first_stage
};

// Best first; equal final scores keep the order given (the first stage's).
std::vector<Blended> blend(std::span<const float> logits, std::span<const double> first_stage,
                           double weight);

}  // namespace narabi::rerank
