// A text or a pair to the input of a model: template, truncation, flags.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narabi/options.h"
#include "narabi/tokenizer.h"
#include "tokenize/text_tokenizer.h"

namespace narabi::tokenize {

// One thread's encoder over a shared tokenizer, which has to outlive it.
class PairEncoder {
 public:
  explicit PairEncoder(const LoadedTokenizer& tokenizer);

  // Throw InvalidArgument when max_length leaves no room for the special tokens, or the text is no
  // UTF-8.
  Encoding encode(std::string_view text, int max_length);
  Encoding encode_plain(std::string_view text);  // no special tokens, no limit
  Encoding encode_pair(std::string_view query, std::string_view passage, int max_length,
                       Truncation truncation);

 private:
  void append_ids(std::string_view text, const char* side, std::vector<std::int32_t>& ids,
                  std::size_t limit);

  const LoadedTokenizer& tokenizer_;
  std::unique_ptr<Worker> worker_;
  std::vector<std::int32_t> first_, second_;
  std::string last_query_;  // passages of one query come one after another: it is cut into ids once
  bool has_last_query_ = false;
};

}  // namespace narabi::tokenize
