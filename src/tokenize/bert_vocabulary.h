// vocab.txt and what all BERT tokenizers over it share: special tokens and the pair template.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tokenize/added_vocabulary.h"
#include "tokenize/model.h"
#include "tokenize/text_tokenizer.h"
#include "tokenize/tokenizer_config.h"

namespace narabi::tokenize {

struct BertVocabulary {
  std::unique_ptr<const Model> model;
  std::int32_t unk = 0;
  std::vector<AddedToken> added;  // the roles' tokens and those that the configuration adds
  Template special;               // [CLS] A [SEP] B [SEP], types 0 and 1
};

// Reads `folder`/vocab.txt. Throws InvalidFormat naming the file and the token that it lacks.
// Added tokens are numbered as the tokenizer that `numbering` stands for does it.
BertVocabulary read_bert_vocabulary(const std::string& folder, const TokenizerConfig& config,
                                    Numbering numbering);

}  // namespace narabi::tokenize
