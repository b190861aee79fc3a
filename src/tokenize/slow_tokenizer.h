// What the slow (Python) tokenizers of transformers share: special tokens are cut out of the text
// first, the rest goes to the tokenizer proper.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tokenize/added_tokens.h"
#include "tokenize/text_tokenizer.h"
#include "tokenize/tokenizer_config.h"

namespace narabi::tokenize {

// Ids of a text without special tokens in it; holds a thread's scratch.
using TextToIds = std::function<void(std::string_view text, std::vector<std::int32_t>& ids)>;

struct SlowTokenizerParts {
  std::vector<AddedToken> added;
  bool lowercase = false;  // each character, special tokens excepted, before they are looked for
  std::function<TextToIds()> make_worker;
  int vocabulary_size = 0;
  std::string description;
};

std::unique_ptr<TextTokenizer> make_slow_tokenizer(SlowTokenizerParts parts);

}  // namespace narabi::tokenize
