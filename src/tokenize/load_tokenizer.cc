// Which tokenizer a folder holds: tokenizer.json is the truth where it exists.
#include <filesystem>

#include "base/paths.h"
#include "narabi/error.h"
#include "tokenize/compiled.h"
#include "tokenize/text_tokenizer.h"
#include "tokenize/tokenizer_config.h"
#include "tokenize/tokenizer_json.h"

namespace narabi::tokenize {
namespace {

// vocab.txt alone: the class says whose. Without one, transformers goes by the architecture, which
// is BERT for all that come with a vocab.txt.
LoadedTokenizer load_vocab_txt(const std::string& folder) {
  const TokenizerConfig config(folder);
  const std::string name = config.tokenizer_class();
  if (name == "BertJapaneseTokenizer") return load_bert_japanese(folder);
  if (name == "BertTokenizer" || name == "DistilBertTokenizer" || name == "ElectraTokenizer")
    return load_bert(folder);
  if (name.empty()) {
    const bool japanese = config.has("word_tokenizer_type") || config.has("mecab_kwargs");
    return japanese ? load_bert_japanese(folder) : load_bert(folder);
  }
  throw Unsupported(config.path() + ": tokenizer_class is " + name +
                    "; supported with vocab.txt and no tokenizer.json: BertTokenizer, "
                    "BertJapaneseTokenizer, DistilBertTokenizer, ElectraTokenizer");
}

LoadedTokenizer load_compiled(const std::string& folder,
                              std::shared_ptr<const CompiledTokenizer> compiled) {
  VocabularyTables tables = compiled->tables();
  tables.owner = compiled;
  return parse_tokenizer_json(compiled->skeleton(), compiled->path(), TokenizerConfig(folder),
                              &tables);
}

}  // namespace

LoadedTokenizer load_tokenizer(const std::string& folder) {
  const std::filesystem::path root(folder);
  const auto has = [&](const char* name) { return base::is_file(root / name); };
  const auto compiled = CompiledTokenizer::find(folder);
  if (compiled && compiled->source() == CompiledTokenizer::Source::kTokenizerJson)
    return load_compiled(folder, compiled);
  if (compiled) return load_vocab_txt(folder);
  if (has("tokenizer.json")) return load_tokenizer_json(folder);
  if (has("sentencepiece.bpe.model") || has("tokenizer.model")) return load_sentencepiece(folder);
  if (has("vocab.txt")) return load_vocab_txt(folder);
  throw IoError(folder +
                ": expected a tokenizer: tokenizer.json, sentencepiece.bpe.model, tokenizer.model "
                "or vocab.txt; "
                "found none");
}

}  // namespace narabi::tokenize
