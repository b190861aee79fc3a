// A tokenizer compiled into flat arrays that are mapped, not parsed: FOLDER/tokenizer.narabi. A
// vocabulary of 250,000 pieces loads in milliseconds, and its pages are shared between processes.
//
// Bytes, little-endian: magic "NARABITK", u32 version, u32 bytes of the header, u64 XXH3 of all
// that follows, u64 kind (1: tokenizer.json, 2: vocab.txt), u64 XXH3 of that file, then offset and
// size (u64 each) of five sections at multiples of 64 bytes: tokenizer.json without its vocabulary,
// edges of the trie of pieces, edges of the trie of continuations, f64 scores, i32 ids. Which of
// them a model has: VocabularyTables. The small files beside it (tokenizer_config.json) are read as
// always.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/mapped_file.h"
#include "tokenize/model.h"

namespace narabi::tokenize {

inline constexpr const char* kCompiledFile = "tokenizer.narabi";

class CompiledTokenizer {
 public:
  enum class Source { kTokenizerJson = 1, kVocabTxt = 2 };

  // The compiled tokenizer of `folder`; null where it has none. Throws InvalidFormat or Unsupported
  // naming the file for another version, for damage, and when the file that it was compiled from
  // lies beside it and is another one by now.
  static std::shared_ptr<const CompiledTokenizer> find(const std::string& folder);

  Source source() const { return source_; }
  const std::string& path() const { return file_.path(); }
  std::string_view skeleton() const { return skeleton_; }     // tokenizer.json without a vocabulary
  const VocabularyTables& tables() const { return tables_; }  // borrowed; no owner is set

  explicit CompiledTokenizer(const std::string& path);  // find() looks at the sources, too

 private:
  base::MappedFile file_;
  Source source_ = Source::kTokenizerJson;
  std::uint64_t source_checksum_ = 0;
  std::string_view skeleton_;
  VocabularyTables tables_;
};

// Compiles the tokenizer of `folder` into `target` (a folder). False where there is nothing to
// compile: a SentencePiece model alone, which its own library reads.
bool compile_tokenizer(const std::string& folder, const std::string& target);

}  // namespace narabi::tokenize
