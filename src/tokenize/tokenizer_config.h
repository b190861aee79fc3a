// tokenizer_config.json, special_tokens_map.json, added_tokens.json and the tokenizer's class in
// config.json: what transformers adds to the tokenizer's own file.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenize/added_tokens.h"
#include "tokenize/normalizer.h"

namespace narabi::tokenize {

// All of them may be missing: everything is then as transformers defaults it. Throws InvalidFormat
// and, for what would give other ids, Unsupported, naming file and key.
class TokenizerConfig {
 public:
  TokenizerConfig();  // of no folder
  explicit TokenizerConfig(const std::string& folder);

  const std::string& path() const;
  std::string text(std::string_view key, std::string_view fallback) const;
  std::optional<bool> flag(std::string_view key) const;
  std::optional<bool> flag_in(std::string_view section, std::string_view key) const;
  std::string text_in(std::string_view section, std::string_view key,
                      std::string_view fallback) const;
  std::vector<std::string> texts(std::string_view key) const;  // empty when absent
  bool has(std::string_view key) const;

  // The class without "Fast": tokenizer_config.json's, else config.json's, else that of its
  // model_type; empty where nothing says.
  std::string tokenizer_class() const;
  bool names_class() const;  // not by model_type alone
  // BertJapaneseTokenizer has no fast form: a tokenizer.json beside its vocab.txt is not read.
  bool is_bert_japanese() const { return tokenizer_class() == "BertJapaneseTokenizer"; }
  // The special token of a role ("cls_token"), as a string or an object in either file.
  std::string special(std::string_view role, std::string_view fallback) const;
  // Tokens with the ids that the files give: of added_tokens_decoder, by id; where there is none,
  // of added_tokens.json, which is older.
  std::vector<AddedToken> numbered_tokens() const;
  bool has_decoder() const { return has("added_tokens_decoder"); }
  // The tokens of all roles and the additional special ones, without ids.
  std::vector<AddedToken> special_tokens() const;

  // transformers hands token_type_ids to the model: model_input_names says, else the class does.
  bool gives_token_types() const;
  // The class makes the pair template itself: llama_template().
  bool sets_template() const;
  // BertTokenizerFast's arguments, or their defaults.
  BertNormalizerOptions bert_normalizer() const;
  // Of the classes where they win over the BertNormalizer of tokenizer.json, if it stands alone.
  std::optional<BertNormalizerOptions> bert_override() const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace narabi::tokenize
