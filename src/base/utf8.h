// UTF-8: validation, decoding, encoding. Offsets are bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace narabi::base {

// Byte offset of the first ill-formed sequence (overlong, surrogate, above U+10FFFF, cut short), or
// nothing when all of `text` is well-formed.
std::optional<std::size_t> invalid_utf8_at(std::string_view text);

// Each maximal ill-formed subsequence becomes one U+FFFD, as Unicode recommends (and Python does).
std::string replace_invalid_utf8(std::string_view text);

// Decodes the code point at `offset` of well-formed text and moves `offset` past it.
inline char32_t next_code_point(std::string_view text, std::size_t& offset) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[offset + i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    offset += 1;
    return lead;
  }
  if (lead < 0xE0) {
    const char32_t c = (lead & 0x1Fu) << 6 | (byte(1) & 0x3Fu);
    offset += 2;
    return c;
  }
  if (lead < 0xF0) {
    const char32_t c = (lead & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
    offset += 3;
    return c;
  }
  const char32_t c =
      (lead & 0x07u) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 | (byte(3) & 0x3Fu);
  offset += 4;
  return c;
}

// Bytes of the code point whose first byte is `lead`, in well-formed text.
inline std::size_t utf8_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// At most `limit` bytes of the start of well-formed text, whole code points only: for messages.
inline std::string_view utf8_prefix(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
  return text.substr(0, limit);
}

void append_utf8(std::string& out, char32_t code_point);
std::u32string to_utf32(std::string_view text);
std::string to_utf8(std::u32string_view text);

}  // namespace narabi::base
