#include "tokenize/charsmap.h"

#include <cstring>

#include "base/utf8.h"
#include "narabi/error.h"
#include "text/unicode.h"

namespace narabi::tokenize {
namespace {

// A cluster of this many bytes or more is only ever replaced character by character.
constexpr std::size_t kWholeClusterBytes = 6;

// The fields of a unit of a Darts double array.
bool has_leaf(std::uint32_t unit) {
  return (unit >> 8 & 1) != 0;
}
std::uint32_t value(std::uint32_t unit) {
  return unit & 0x7FFFFFFFu;
}
std::uint32_t label(std::uint32_t unit) {
  return unit & 0x800000FFu;
}
std::uint32_t offset_of(std::uint32_t unit) {
  return unit >> 10 << ((unit & (1u << 9)) >> 6);
}

}  // namespace

Charsmap::Charsmap(std::string_view blob, const std::string& where) {
  std::uint32_t bytes = 0;
  if (blob.size() < sizeof bytes) throw InvalidFormat(where + ": expected at least 4 bytes");
  std::memcpy(&bytes, blob.data(), sizeof bytes);
  if (bytes == 0 || bytes % 4 != 0 || bytes > blob.size() - 4) {
    throw InvalidFormat(where + ": trie of " + std::to_string(bytes) + " bytes in a blob of " +
                        std::to_string(blob.size()));
  }
  trie_.resize(bytes / 4);
  std::memcpy(trie_.data(), blob.data() + 4, bytes);
  replacements_ = blob.substr(4 + bytes);
  if (base::invalid_utf8_at(replacements_))
    throw InvalidFormat(where + ": replacements are no UTF-8");
}

bool Charsmap::transform(std::string_view chunk, std::string_view& replacement) const {
  std::size_t node = offset_of(trie_[0]);
  for (const char c : chunk) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) return false;
    node ^= byte;
    if (node >= trie_.size() || label(trie_[node]) != byte) return false;
    const std::uint32_t unit = trie_[node];
    node ^= offset_of(unit);
    if (!has_leaf(unit)) continue;
    if (node >= trie_.size()) return false;
    const std::size_t begin = value(trie_[node]);
    if (begin >= replacements_.size()) return false;
    const std::size_t end = replacements_.find('\0', begin);
    replacement =
        std::string_view(replacements_).substr(begin, end == std::string::npos ? end : end - begin);
    return true;
  }
  return false;
}

void Charsmap::apply(std::string& text) const {
  std::string out;
  out.reserve(text.size());
  std::vector<std::string_view> clusters;
  text::split_graphemes(text, clusters);
  std::string_view replacement;
  for (const std::string_view cluster : clusters) {
    if (cluster.size() < kWholeClusterBytes && transform(cluster, replacement)) {
      out += replacement;
      continue;
    }
    for (std::size_t i = 0; i < cluster.size();) {
      const std::string_view character = cluster.substr(i, base::utf8_length(cluster[i]));
      out += transform(character, replacement) ? replacement : character;
      i += character.size();
    }
  }
  text = std::move(out);
}

std::string decode_base64(std::string_view text, const std::string& where) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  while (text.ends_with('=')) text.remove_suffix(1);
  for (const char c : text) {
    int digit = -1;
    if (c >= 'A' && c <= 'Z') digit = c - 'A';
    if (c >= 'a' && c <= 'z') digit = c - 'a' + 26;
    if (c >= '0' && c <= '9') digit = c - '0' + 52;
    if (c == '+') digit = 62;
    if (c == '/') digit = 63;
    if (digit < 0)
      throw InvalidFormat(where + ": expected base64, found the character '" + c + "'");
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if ((count += 6) >= 8) {
      count -= 8;
      out.push_back(static_cast<char>(bits >> count & 0xFF));
    }
  }
  return out;
}

}  // namespace narabi::tokenize
