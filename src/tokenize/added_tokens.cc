#include "tokenize/added_tokens.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/unicode.h"

namespace narabi::tokenize {
namespace {

std::vector<std::string_view> contents(const std::vector<AddedToken>& tokens) {
  std::vector<std::string_view> texts;
  texts.reserve(tokens.size());
  for (const AddedToken& token : tokens) texts.push_back(token.content);
  return texts;
}

char32_t last_code_point(std::string_view text) {
  std::size_t offset = text.size() - 1;
  while ((static_cast<unsigned char>(text[offset]) & 0xC0) == 0x80) --offset;
  return base::next_code_point(text, offset);
}

// Bytes of `text` without the white space at its end.
std::size_t without_trailing_space(std::string_view text) {
  while (!text.empty() && text::is_white_space(last_code_point(text))) {
    std::size_t size = text.size() - 1;
    while ((static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
    text = text.substr(0, size);
  }
  return text.size();
}

std::size_t leading_space(std::string_view text) {
  std::size_t offset = 0;
  while (offset < text.size()) {
    std::size_t next = offset;
    if (!text::is_white_space(base::next_code_point(text, next))) break;
    offset = next;
  }
  return offset;
}

bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  std::size_t next = end;
  const bool left = begin == 0 || !text::is_word_character(last_code_point(text.substr(0, begin)));
  const bool right =
      end == text.size() || !text::is_word_character(base::next_code_point(text, next));
  return left && right;
}

}  // namespace

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens)
    : tokens_(std::move(tokens)), trie_(contents(tokens_)) {
  for (const AddedToken& token : tokens_) {
    if (!token.content.empty()) starts_token_[static_cast<unsigned char>(token.content[0])] = true;
  }
}

void AddedTokenFinder::split(std::string_view text, std::vector<Section>& sections) const {
  sections.clear();
  std::size_t done = 0;  // end of the last section
  for (std::size_t at = 0; at < text.size();) {
    if (!starts_token_[static_cast<unsigned char>(text[at])]) {
      ++at;
      continue;
    }
    std::size_t end = at, longest = 0;
    std::int32_t found = PieceTrie::kNone;
    PieceTrie::Place place;
    while (end < text.size() && trie_.step(place, base::next_code_point(text, end))) {
      if (place.piece == PieceTrie::kNone) continue;
      found = place.piece;
      longest = end;
    }
    if (found == PieceTrie::kNone) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<std::size_t>(found)];
    std::size_t begin = at;
    end = at = longest;
    if (token.single_word && !stands_alone(text, begin, end)) continue;
    if (token.lstrip) begin = std::max(without_trailing_space(text.substr(0, begin)), done);
    if (token.rstrip) end += leading_space(text.substr(end));
    if (begin == end) continue;  // the token before it has taken this one along
    if (done < begin) sections.push_back({done, begin, -1});
    sections.push_back({begin, end, token.id});
    done = end;
  }
  if (done < text.size()) sections.push_back({done, text.size(), -1});
}

}  // namespace narabi::tokenize
