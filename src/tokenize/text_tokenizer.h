// The contract between the kinds of tokenizers and the pair encoder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace narabi::tokenize {

constexpr std::size_t kNoLimit = static_cast<std::size_t>(-1);

// The scratch memory of one thread; made by a TextTokenizer, which has to outlive it.
class Worker {
 public:
  virtual ~Worker() = default;
  // Appends the ids of `text` (valid UTF-8) without the template's special tokens. Special and
  // added tokens that stand literally in the text are recognised as the reference does. Once
  // ids.size() exceeds `limit` it may stop: what stands in `ids` then begins the ids of all.
  virtual void append_ids(std::string_view text, std::vector<std::int32_t>& ids,
                          std::size_t limit) = 0;
};

// Immutable, shared between threads.
class TextTokenizer {
 public:
  virtual ~TextTokenizer() = default;
  virtual std::unique_ptr<Worker> worker() const = 0;
  virtual int vocabulary_size() const = 0;      // largest id that can come out, plus 1
  virtual std::string description() const = 0;  // for `narabi inspect`: "Unigram (tokenizer.json)"
};

// One place of a template: a special token, or all ids of a side.
struct TemplatePiece {
  enum class Kind { kSpecial, kFirst, kSecond };
  Kind kind = Kind::kSpecial;
  std::int32_t id = 0;       // of the special token
  std::int32_t type_id = 0;  // token type of all ids of this piece
};

// `<s> A </s></s> B </s>` as data.
struct Template {
  std::vector<TemplatePiece> single;
  std::vector<TemplatePiece> pair;
  bool token_types = false;  // the reference gives token_type_ids to the model
  // How longest_first cuts: the fast tokenizers compute both lengths at once, the slow (Python)
  // ones take one token at a time from the longer side, the second when equal. They can differ by
  // one token.
  bool slow_truncation = false;

  // No special tokens: A, and A B.
  static Template bare() {
    const TemplatePiece first{TemplatePiece::Kind::kFirst, 0, 0},
        second{TemplatePiece::Kind::kSecond, 0, 1};
    return {{first}, {first, second}, false, false};
  }
};

struct LoadedTokenizer {
  std::unique_ptr<TextTokenizer> text;
  Template special;
};

// The loaders; each throws Error naming the file and key. `folder` is a model folder.
LoadedTokenizer load_tokenizer_json(const std::string& folder);  // tokenizer.json
LoadedTokenizer load_sentencepiece(
    const std::string& folder);  // sentencepiece.bpe.model, tokenizer.model
LoadedTokenizer load_bert_japanese(const std::string& folder);  // vocab.txt, MeCab
LoadedTokenizer load_bert(const std::string& folder);           // vocab.txt, no MeCab
// Picks by what the folder holds: tokenizer.json is the truth where it exists and the class reads
// it.
LoadedTokenizer load_tokenizer(const std::string& folder);

}  // namespace narabi::tokenize
