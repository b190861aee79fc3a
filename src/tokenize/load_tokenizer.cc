// Which tokenizer a folder holds: tokenizer.json is the truth where it exists and the class
// reads it.
#include <filesystem>

#include "base/paths.h"
#include "narabi/error.h"
#include "tokenize/compiled.h"
#include "tokenize/text_tokenizer.h"
#include "tokenize/tokenizer_config.h"
#include "tokenize/tokenizer_json.h"

namespace narabi::tokenize {
namespace {

// The class says whose vocab.txt it is.
LoadedTokenizer load_vocab_txt(const std::string& folder) {
  const TokenizerConfig config(folder);
  const std::string name = config.tokenizer_class();
  if (config.is_bert_japanese()) return load_bert_japanese(folder);
  if (!config.names_class() && (config.has("word_tokenizer_type") || config.has("mecab_kwargs"))) {
    // transformers would take them for nothing, a model trained with MeCab would not.
    throw InvalidFormat(config.path() +
                        ": tokenizer_class: expected BertJapaneseTokenizer or BertTokenizer beside "
                        "word_tokenizer_type or mecab_kwargs, found none");
  }
  if (name.empty() || name == "BertTokenizer" || name == "DistilBertTokenizer" ||
      name == "ElectraTokenizer") {
    return load_bert(folder);
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
  const bool japanese = TokenizerConfig(folder).is_bert_japanese();
  if (compiled && !japanese && compiled->source() == CompiledTokenizer::Source::kTokenizerJson)
    return load_compiled(folder, compiled);
  if (compiled || japanese) return load_vocab_txt(folder);
  if (has("tokenizer.json")) return load_tokenizer_json(folder);
  if (has("sentencepiece.bpe.model") || has("tokenizer.model")) return load_sentencepiece(folder);
  if (has("vocab.txt")) return load_vocab_txt(folder);
  throw IoError(folder +
                ": expected a tokenizer: tokenizer.json, sentencepiece.bpe.model, tokenizer.model "
                "or vocab.txt; "
                "found none");
}

}  // namespace narabi::tokenize
