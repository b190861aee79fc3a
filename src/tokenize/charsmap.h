// The "Precompiled" normaliser: SentencePiece's table of replacements, applied as the tokenizers
// library does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace narabi::tokenize {

// Layout of the blob: u32 size of the trie in bytes, the trie (a Darts double array of u32), then
// the replacements, each ended by a zero byte. Reads beyond the arrays are treated as "no match".
class Charsmap {
 public:
  // Throws InvalidFormat naming `where`.
  Charsmap(std::string_view blob, const std::string& where);
  void apply(std::string& text) const;

 private:
  // The replacement of the shortest prefix of `chunk` that has one; false when none has.
  bool transform(std::string_view chunk, std::string_view& replacement) const;

  std::vector<std::uint32_t> trie_;
  std::string replacements_;
};

std::string decode_base64(std::string_view text, const std::string& where);  // throws InvalidFormat

}  // namespace narabi::tokenize
