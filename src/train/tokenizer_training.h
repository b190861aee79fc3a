// A tokenizer of one's own: SentencePiece's unigram trainer, written out as a tokenizer.json that
// transformers and narabi read alike.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace narabi::train {

struct TokenizerOptions {
  std::vector<std::string> texts;   // UTF-8 text files, or JSON lines with "title" and "text"
  std::int64_t vocabulary = 16000;  // with special tokens and the 256 bytes of byte fallback
  bool split_scripts = true;        // no piece crosses from kanji to kana, and so on
  double coverage = 0.9995;         // of characters; the others become bytes
  int threads = 1;
};

// Writes OUTPUT/tokenizer.json and tokenizer_config.json. NFKC, byte fallback, single digits, the
// pair template <s> A </s><s> B </s>; ids 0 to 6 are <unk> <s> </s> <pad> <sep> <mask> <cls>.
// Throws InvalidArgument where the texts do not offer that many pieces.
void train_tokenizer(const TokenizerOptions& options, const std::string& output);

}  // namespace narabi::train
