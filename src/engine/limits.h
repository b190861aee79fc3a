// How long an input may be, and whether tokenizer and model belong together.
#pragma once

#include <string>

namespace narabi::engine {

constexpr int kDefaultMaxLength = 512;  // of a reranker

// `wanted` 0: the smallest of `usual`, the model's positions and tokenizer_config.json's
// model_max_length. Throws InvalidArgument when `wanted` is more than `positions`.
int choose_max_length(const std::string& folder, int wanted, int positions,
                      int usual = kDefaultMaxLength);

// Throws InvalidFormat naming both sizes when the tokenizer can give ids that the embedding matrix
// lacks.
void require_vocabulary(const std::string& folder, int tokenizer_ids, int embedding_rows);

}  // namespace narabi::engine
