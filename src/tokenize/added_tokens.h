// Tokens that are found in the text itself, before the model sees it: special tokens and added
// ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenize/piece_trie.h"

namespace narabi::tokenize {

struct AddedToken {
  std::string content;
  std::int32_t id = 0;
  bool single_word = false;  // only between characters that are no word characters
  bool lstrip = false;       // takes the white space before it along
  bool rstrip = false;       // and after it
  bool normalized = false;   // looked for in the normalised text, else in the text as it came
};

// A part of a text: a token found (id >= 0), or text between tokens.
struct Section {
  std::size_t begin = 0, end = 0;
  std::int32_t id = -1;
};

// Leftmost, then longest match, as the tokenizers library does it. Immutable.
class AddedTokenFinder {
 public:
  explicit AddedTokenFinder(std::vector<AddedToken> tokens);
  // Replaces `sections` by all of `text`; sections of text between tokens are never empty.
  void split(std::string_view text, std::vector<Section>& sections) const;
  bool empty() const { return tokens_.empty(); }

 private:
  std::vector<AddedToken> tokens_;
  PieceTrie trie_;
  bool starts_token_[256] = {};
};

}  // namespace narabi::tokenize
