// Which tokens a folder adds to its vocabulary, and their ids as the reference numbers them.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "tokenize/added_tokens.h"
#include "tokenize/model.h"
#include "tokenize/text_tokenizer.h"
#include "tokenize/tokenizer_config.h"

namespace narabi::tokenize {

// What tokens are added to; `id_of` gives -1 for one that it lacks.
struct BaseVocabulary {
  std::function<std::int32_t(std::string_view)> id_of;
  std::int32_t size = 0;
};
BaseVocabulary vocabulary_of(const Model& model);  // borrows it

enum class Numbering {
  kLibrary,  // the tokenizers library: the vocabulary's id, else the first after all others
  kAsGiven,  // the Python tokenizers: the id that the file gives, else as above
};

// The id of `content` in the library once `added` is there.
std::int32_t library_id(const BaseVocabulary& vocabulary, const std::vector<AddedToken>& added,
                        std::string_view content);

// Adds to `added` the tokens of `config` that it lacks. The flags of added_tokens_decoder win over
// those that `added` has.
void complete_added_tokens(const TokenizerConfig& config, const BaseVocabulary& vocabulary,
                           Numbering numbering, std::vector<AddedToken>& added);

// <s> A </s><s> B </s> as far as add_bos_token and add_eos_token say: what the constructors of
// LlamaTokenizer and GemmaTokenizer make, whatever tokenizer.json holds.
Template llama_template(const TokenizerConfig& config, const BaseVocabulary& vocabulary,
                        const std::vector<AddedToken>& added);

}  // namespace narabi::tokenize
