#include "tokenize/bert_categories.h"

#include "text/unicode.h"

namespace narabi::tokenize {
namespace {

constexpr int kUnicode = 8;

bool is_known(char32_t c) {
  return text::age_of(c) <= kUnicode;
}

}  // namespace

// The exceptions below are the characters whose category has changed since 8.0.

bool is_bert_other(char32_t c) {
  return text::is_control_like(c) && is_known(c);
}

bool is_bert_nonspacing_mark(char32_t c) {
  if (c == 0x1734) return true;
  if (c == 0x1885 || c == 0x1886 || c == 0xA9BD || c == 0x111C9) return false;
  return text::is_nonspacing_mark(c) && is_known(c);
}

bool is_bert_punctuation(char32_t c) {
  const bool ascii = (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
                     (c >= 123 && c <= 126);
  if (ascii || c == 0x166D || c == 0x111C9) return true;
  return text::is_punctuation(c) && is_known(c);
}

}  // namespace narabi::tokenize
