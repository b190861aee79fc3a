// Ordinary BERT from vocab.txt alone: what transformers' BertTokenizerFast makes of it
// (BasicTokenizer's rules as BertNormalizer and BertPreTokenizer, then WordPiece).
#include "tokenize/bert_vocabulary.h"
#include "tokenize/pipeline.h"

namespace narabi::tokenize {

LoadedTokenizer load_bert(const std::string& folder) {
  const TokenizerConfig config(folder);
  BertVocabulary vocabulary = read_bert_vocabulary(folder, config, Numbering::kLibrary);
  PipelineParts parts;
  parts.model = std::move(vocabulary.model);
  parts.added = std::move(vocabulary.added);
  parts.normalizer = make_bert_normalizer(config.bert_normalizer());
  parts.pre_tokenizer = make_bert_pre_tokenizer();
  parts.description = "WordPiece (vocab.txt)";
  LoadedTokenizer loaded;
  loaded.special = std::move(vocabulary.special);
  loaded.special.token_types = config.gives_token_types();
  loaded.text = make_pipeline(std::move(parts));
  return loaded;
}

}  // namespace narabi::tokenize
