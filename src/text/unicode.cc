#include "text/unicode.h"

#include <unicode/brkiter.h>
#include <unicode/bytestream.h>
#include <unicode/casemap.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <array>
#include <memory>

#include "base/utf8.h"
#include "narabi/error.h"

namespace narabi::text {
namespace {

void check(UErrorCode status, const char* what) {
  if (U_FAILURE(status))
    throw Error(ErrorCode::kUnsupported, std::string("ICU: ") + what + ": " + u_errorName(status));
}

using Instances = std::array<const icu::Normalizer2*, 4>;  // in the order of Form

Instances load_normalisers() {
  UErrorCode status = U_ZERO_ERROR;
  const Instances instances = {
      icu::Normalizer2::getNFCInstance(status), icu::Normalizer2::getNFDInstance(status),
      icu::Normalizer2::getNFKCInstance(status), icu::Normalizer2::getNFKDInstance(status)};
  check(status, "normaliser");
  return instances;
}

const icu::Normalizer2& normaliser(Form form) {
  static const Instances instances = load_normalisers();
  return *instances[static_cast<std::size_t>(form)];
}

icu::StringPiece piece(std::string_view text) {
  return {text.data(), static_cast<int32_t>(text.size())};
}

UChar32 code(char32_t c) {
  return static_cast<UChar32>(c);
}

bool in_categories(char32_t c, std::uint32_t mask) {
  return (U_GET_GC_MASK(code(c)) & mask) != 0;
}

// Clusters of a stretch in which characters may join, by ICU's rules.
void split_stretch(std::string_view stretch, std::vector<std::string_view>& clusters) {
  UErrorCode status = U_ZERO_ERROR;
  thread_local const std::unique_ptr<icu::BreakIterator> iterator(
      icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), status));
  check(status, "grapheme breaks");
  UText source = UTEXT_INITIALIZER;
  utext_openUTF8(&source, stretch.data(), static_cast<int64_t>(stretch.size()), &status);
  check(status, "UTF-8 text");
  iterator->setText(&source, status);
  check(status, "grapheme breaks");
  std::size_t begin = 0;
  for (int32_t end = iterator->next(); end != icu::BreakIterator::DONE; end = iterator->next()) {
    clusters.push_back(stretch.substr(begin, static_cast<std::size_t>(end) - begin));
    begin = static_cast<std::size_t>(end);
  }
  utext_close(&source);
}

}  // namespace

std::string normalise(std::string_view text, Form form) {
  const icu::Normalizer2& normaliser_ = normaliser(form);
  UErrorCode status = U_ZERO_ERROR;
  if (normaliser_.isNormalizedUTF8(piece(text), status)) return std::string(text);
  check(status, "normalisation");
  std::string out;
  out.reserve(text.size());
  icu::StringByteSink<std::string> sink(&out);
  normaliser_.normalizeUTF8(0, piece(text), sink, nullptr, status);
  check(status, "normalisation");
  return out;
}

std::string lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  icu::StringByteSink<std::string> sink(&out);
  UErrorCode status = U_ZERO_ERROR;
  icu::CaseMap::utf8ToLower("", 0, piece(text), sink, nullptr, status);
  check(status, "lower case");
  return out;
}

std::string lower_each(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t offset = 0; offset < text.size();) {
    const char32_t c = base::next_code_point(text, offset);
    if (c == 0x130) {
      out += "i\u0307";  // the only character whose lower case is longer than one
    } else {
      base::append_utf8(out, static_cast<char32_t>(u_tolower(code(c))));
    }
  }
  return out;
}

bool is_white_space(char32_t c) {
  return u_isUWhiteSpace(code(c));
}
bool is_control_like(char32_t c) {
  return in_categories(c, U_GC_C_MASK & ~U_GC_CN_MASK);
}
bool is_punctuation(char32_t c) {
  return in_categories(c, U_GC_P_MASK);
}
bool is_nonspacing_mark(char32_t c) {
  return in_categories(c, U_GC_MN_MASK);
}
bool is_mark(char32_t c) {
  return in_categories(c, U_GC_M_MASK);
}
bool is_numeric(char32_t c) {
  return in_categories(c, U_GC_N_MASK);
}
bool is_letter_or_number(char32_t c) {
  return in_categories(c, U_GC_L_MASK | U_GC_N_MASK | U_GC_M_MASK);
}

bool is_word_character(char32_t c) {
  return u_hasBinaryProperty(code(c), UCHAR_ALPHABETIC) ||
         u_hasBinaryProperty(code(c), UCHAR_JOIN_CONTROL) ||
         in_categories(c, U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK);
}

int age_of(char32_t c) {
  UVersionInfo version;
  u_charAge(code(c), version);
  return version[0];
}

bool stands_apart(char32_t c) {
  return is_plain_letter(c) || (c >= 0x20 && c < 0x7F) ||
         u_getIntPropertyValue(code(c), UCHAR_GRAPHEME_CLUSTER_BREAK) == U_GCB_OTHER;
}

void split_graphemes(std::string_view text, std::vector<std::string_view>& clusters) {
  std::size_t offset = 0;
  while (offset < text.size()) {
    // A character that stands apart, before another that does, is a cluster of its own; from the
    // first other one on, up to the next place between two that stand apart, ICU decides.
    const std::size_t begin = offset;
    bool apart = stands_apart(base::next_code_point(text, offset));
    std::size_t next = offset;
    bool next_apart = next == text.size() || stands_apart(base::next_code_point(text, next));
    if (apart && next_apart) {
      clusters.push_back(text.substr(begin, offset - begin));
      continue;
    }
    while (offset < text.size() && !(apart && next_apart)) {
      apart = next_apart;
      offset = next;
      next_apart = next == text.size() || stands_apart(base::next_code_point(text, next));
    }
    split_stretch(text.substr(begin, offset - begin), clusters);
  }
}

}  // namespace narabi::text
