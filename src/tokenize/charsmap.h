// The "Precompiled" normaliser: SentencePiece's table of replacements, applied as the tokenizers
// library does.
#pragma once

#include <array>
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
  static constexpr char32_t kQuickCharacters = 0x10000;

  void find_quick_answers();
  bool is_stable(char32_t c) const {
    return c < kQuickCharacters && (quick_[c >> 6] >> (c & 63) & 1) != 0;
  }
  // End of the characters from `begin`, a boundary of clusters, that stay as they are.
  std::size_t stable_end(std::string_view text, std::size_t begin) const;
  // End of the clusters from `begin` up to the next place where a boundary is known without ICU.
  std::size_t stretch_end(std::string_view text, std::size_t begin) const;
  void append_replaced(std::string_view stretch, std::string& out) const;
  void append_cluster(std::string_view cluster, std::string& out) const;
  // The replacement of the shortest prefix of `chunk` that has one; false when none has.
  bool transform(std::string_view chunk, std::string_view& replacement) const;

  std::vector<std::uint32_t> trie_;
  std::string replacements_;
  // A bit a character: stands apart from its like, and has no replacement.
  std::array<std::uint64_t, kQuickCharacters / 64> quick_ = {};
};

std::string decode_base64(std::string_view text, const std::string& where);  // throws InvalidFormat

}  // namespace narabi::tokenize
