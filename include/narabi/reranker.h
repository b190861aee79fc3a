// Scores (query, passage) pairs with a cross-encoder and orders passages by the score.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narabi/options.h"
#include "narabi/tokenizer.h"

namespace narabi {

struct Pair {
  std::string_view query;
  std::string_view passage;
};

struct Score {
  float logit = 0;  // what the model says; ranking is always by the logit
  float score = 0;  // activation(logit): a probability unless the folder names Identity
  int tokens = 0;   // length of the model's input, special tokens included
  bool truncated = false;
  bool query_truncated = false;
};

struct Ranked {
  std::size_t index = 0;  // position in the passages given
  Score score;
};

// Immutable after construction and safe to share between threads; calls share one pool of workers.
// A pair's logit is bit-identical alone, in any batch, in any order and at any number of threads.
class Reranker {
 public:
  // `folder`: a Hugging Face model folder of a reranker (num_labels 1). Throws Error; Unsupported
  // also where the folder would have a prompt in front of every query.
  explicit Reranker(const std::string& folder, const ModelOptions& options = {});
  ~Reranker();
  Reranker(Reranker&&) noexcept;
  Reranker& operator=(Reranker&&) noexcept;

  // One score per pair, in the order given.
  std::vector<Score> score(std::span<const Pair> pairs) const;

  // Best first; equal logits keep the order given. top_n 0: all.
  std::vector<Ranked> rerank(std::string_view query, std::span<const std::string_view> passages,
                             std::size_t top_n = 0) const;

  int max_length() const;
  const Tokenizer& tokenizer() const;
  // The weight of a first-stage score in the final one (final = logit + weight x first stage),
  // from narabi.json in the folder, {"blend": {"bm25": 0.3}}; 0 where it names none.
  double blend_weight(std::string_view first_stage) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narabi
