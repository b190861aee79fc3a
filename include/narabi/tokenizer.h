// Text to token ids, the same ids as the reference tokenizer of the model folder gives.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "narabi/options.h"

namespace narabi {

// The input of a model for one text or one (query, passage) pair.
struct Encoding {
  std::vector<std::int32_t> input_ids;
  std::vector<std::int32_t> token_type_ids;  // empty when the model has no token types
  bool truncated = false;                    // something of either side was cut
  bool query_truncated = false;              // the query itself was cut
};

// Immutable and safe to share between threads. Throws Error from the constructor only, and from
// encode* never for valid UTF-8 (invalid UTF-8: InvalidArgument with the byte offset).
class Tokenizer {
 public:
  // `folder`: a Hugging Face model folder. max_length in tokens, special tokens included.
  explicit Tokenizer(const std::string& folder);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  Encoding encode(std::string_view text, int max_length) const;
  // The ids of the text alone: no special tokens, no limit.
  Encoding encode_plain(std::string_view text) const;
  Encoding encode_pair(std::string_view query, std::string_view passage, int max_length,
                       Truncation truncation = Truncation::kOnlySecond) const;
  int vocabulary_size() const;      // largest id that can come out, plus 1
  std::string description() const;  // "Unigram (tokenizer.json)"

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narabi
