// The parts of a tokenizer put together: added tokens, normalizer, pre-tokenizer, model.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tokenize/added_tokens.h"
#include "tokenize/model.h"
#include "tokenize/normalizer.h"
#include "tokenize/pre_tokenizer.h"
#include "tokenize/text_tokenizer.h"

namespace narabi::tokenize {

struct PipelineParts {
  std::vector<AddedToken> added;
  NormalizerPtr normalizer;       // may be null
  PreTokenizerPtr pre_tokenizer;  // may be null
  std::unique_ptr<const Model> model;
  std::string description;
};

std::unique_ptr<TextTokenizer> make_pipeline(PipelineParts parts);

}  // namespace narabi::tokenize
