// tokenizer.json from memory: what load_tokenizer_json() and the fuzzer call.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tokenize/model.h"
#include "tokenize/text_tokenizer.h"
#include "tokenize/tokenizer_config.h"

namespace narabi::tokenize {

// `path` names the file in messages. Throws InvalidFormat or Unsupported, never anything else.
// `compiled`: the vocabulary, which is then not looked for in the text.
LoadedTokenizer parse_tokenizer_json(std::string_view text, const std::string& path,
                                     const TokenizerConfig& config,
                                     const VocabularyTables* compiled = nullptr);

// The model of a tokenizer.json, and the file without its vocabulary.
struct JsonParts {
  std::string skeleton;
  std::unique_ptr<const Model> model;
};
JsonParts split_tokenizer_json(std::string_view text, const std::string& path);

}  // namespace narabi::tokenize
