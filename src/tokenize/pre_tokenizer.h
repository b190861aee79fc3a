// The pre-tokenizers of tokenizer.json: one piece of text to several.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tokenize/pattern.h"

namespace narabi::tokenize {

struct Piece {
  std::string text;
  bool at_start = false;  // begins where the whole text begins
};

// Immutable, shared between threads. Pieces that become empty are dropped.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void apply(std::vector<Piece>& pieces) const = 0;
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
