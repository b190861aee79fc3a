// The pre-tokenizers of tokenizer.json: one piece of text to several.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tokenize/pattern.h"

namespace narabi::tokenize {

struct Piece {
  std::size_t begin = 0, end = 0;  // bytes of Pieces::text; never empty
  bool at_start = false;           // begins where the whole text begins
};

// A text cut into pieces, and the memory to cut it further without allocating.
struct Pieces {
  std::string text;
  std::vector<Piece> list;  // in order, without overlap; what lies between has been removed

  // Everything is one piece (none when the text is empty).
  void start(std::string_view whole, bool at_start) {
    text = whole;
    list.clear();
    if (!whole.empty()) list.push_back({0, whole.size(), at_start});
  }
  std::string_view view(const Piece& piece) const {
    return std::string_view(text).substr(piece.begin, piece.end - piece.begin);
  }

  // What a step writes before it is swapped with the above.
  std::string next_text;
  std::vector<Piece> next_list;
  std::vector<Span> spans;
};

// Immutable, shared between threads. Pieces that become empty are dropped.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void apply(Pieces& pieces) const = 0;
};

using PreTokenizerPtr = std::unique_ptr<const PreTokenizer>;

// What becomes of the matches of a split.
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

enum class PrependScheme { kFirst, kNever, kAlways };

struct MetaspaceOptions {
  std::string replacement = "\u2581";
  PrependScheme prepend = PrependScheme::kAlways;
  bool split = true;
};

struct SplitOptions {
  SplitBehavior behavior = SplitBehavior::kRemoved;
  bool invert = false;
};

PreTokenizerPtr make_pre_sequence(std::vector<PreTokenizerPtr> parts);
PreTokenizerPtr make_metaspace(MetaspaceOptions options);
PreTokenizerPtr make_whitespace_split();
PreTokenizerPtr make_whitespace();  // runs of \w, runs of neither \w nor white space
PreTokenizerPtr make_digits(SplitBehavior behavior);
PreTokenizerPtr make_punctuation(SplitBehavior behavior);
PreTokenizerPtr make_bert_pre_tokenizer();
PreTokenizerPtr make_split(Pattern pattern, SplitOptions options);

}  // namespace narabi::tokenize
