// Which tokenizer a folder holds: tokenizer.json is the truth where it exists.
#include <filesystem>

#include "base/paths.h"
#include "narabi/error.h"
#include "tokenize/text_tokenizer.h"

namespace narabi::tokenize {

LoadedTokenizer load_tokenizer(const std::string& folder) {
  const std::filesystem::path root(folder);
  const auto has = [&](const char* name) { return base::is_file(root / name); };
  if (has("tokenizer.json")) return load_tokenizer_json(folder);
  if (has("sentencepiece.bpe.model") || has("tokenizer.model")) return load_sentencepiece(folder);
  if (has("vocab.txt")) return load_bert_japanese(folder);
  throw IoError(folder +
                ": expected a tokenizer: tokenizer.json, sentencepiece.bpe.model, tokenizer.model "
                "or vocab.txt; "
                "found none");
}

}  // namespace narabi::tokenize
