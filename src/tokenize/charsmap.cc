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
  find_quick_answers();
}

void Charsmap::find_quick_answers() {
  std::string character;
  std::string_view replacement;
  for (char32_t c = 0; c < kQuickCharacters; ++c) {
    if ((c >= 0xD800 && c <= 0xDFFF) || !text::stands_apart(c)) continue;
    character.clear();
    base::append_utf8(character, c);
    if (!transform(character, replacement)) quick_[c >> 6] |= std::uint64_t{1} << (c & 63);
  }
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
  std::size_t done = stable_end(text, 0);
  if (done == text.size()) return;
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  out.append(text, 0, done);
  while (done < text.size()) {
    const std::size_t end = stretch_end(text, done);
    append_replaced(std::string_view(text).substr(done, end - done), out);
    done = stable_end(text, end);
    out.append(text, end, done - end);
  }
  text = std::move(out);
}

std::size_t Charsmap::stable_end(std::string_view text, std::size_t begin) const {
  std::size_t end = begin;
  for (std::size_t offset = begin; offset < text.size();) {
    const std::size_t at = offset;
    const char32_t c = base::next_code_point(text, offset);
    if (is_stable(c)) {
      end = at;  // if this one belongs to a cluster, the one before it does not
      continue;
    }
    return text::stands_apart(c) ? at : end;
  }
  return text.size();
}

std::size_t Charsmap::stretch_end(std::string_view text, std::size_t begin) const {
  std::size_t end = begin;
  bool apart = text::stands_apart(base::next_code_point(text, end));
  for (std::size_t next = end; next < text.size(); end = next) {
    const bool next_apart = text::stands_apart(base::next_code_point(text, next));
    if (apart && next_apart) break;
    apart = next_apart;
  }
  return end;
}

void Charsmap::append_replaced(std::string_view stretch, std::string& out) const {
  if (base::utf8_length(stretch[0]) == stretch.size()) {
    append_cluster(stretch, out);
    return;
  }
  std::vector<std::string_view> clusters;
  text::split_graphemes(stretch, clusters);
  for (const std::string_view cluster : clusters) append_cluster(cluster, out);
}

void Charsmap::append_cluster(std::string_view cluster, std::string& out) const {
  std::string_view replacement;
  if (cluster.size() < kWholeClusterBytes && transform(cluster, replacement)) {
    out += replacement;
    return;
  }
  for (std::size_t i = 0; i < cluster.size();) {
    const std::string_view character = cluster.substr(i, base::utf8_length(cluster[i]));
    out += transform(character, replacement) ? replacement : character;
    i += character.size();
  }
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
