// tokenizer.json from memory: what load_tokenizer_json() and the fuzzer call.
#pragma once

#include <string>
#include <string_view>

#include "tokenize/text_tokenizer.h"
#include "tokenize/tokenizer_config.h"

namespace narabi::tokenize {

// `path` names the file in messages. Throws InvalidFormat or Unsupported, never anything else.
LoadedTokenizer parse_tokenizer_json(std::string_view text, const std::string& path,
                                     const TokenizerConfig& config);

}  // namespace narabi::tokenize
