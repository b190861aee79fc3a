// Normalisation forms, case and properties of Unicode text, by ICU. Text is well-formed UTF-8.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace narabi::text {

enum class Form { kNfc, kNfd, kNfkc, kNfkd };

std::string normalise(std::string_view text, Form form);
inline std::string nfkc(std::string_view text) {
  return normalise(text, Form::kNfkc);
}

// The whole string as Python's str.lower(): full mappings, final sigma by context.
std::string lower(std::string_view text);
// Each character by itself as Rust's char::to_lowercase(): full mappings, no context.
std::string lower_each(std::string_view text);

// Letters that most Japanese text consists of: no white space, digit, punctuation, mark or control,
// and without case. A quick answer before the questions below.
inline bool is_plain_letter(char32_t c) {
  return (c >= 0x3041 && c <= 0x3096) || (c >= 0x30A1 && c <= 0x30FA) ||
         (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF);
}

inline bool is_hiragana(char32_t c) {
  return c >= 0x3041 && c <= 0x309F;
}

// Properties, named as in Unicode: White_Space, and general categories.
bool is_white_space(char32_t c);
bool is_control_like(char32_t c);      // Cc, Cf, Co, Cs: the "other" that are assigned
bool is_punctuation(char32_t c);       // P*
bool is_nonspacing_mark(char32_t c);   // Mn
bool is_mark(char32_t c);              // M*
bool is_numeric(char32_t c);           // Nd, Nl, No
bool is_letter_or_number(char32_t c);  // L*, N*, M*
bool is_word_character(char32_t c);    // \w: Alphabetic, M*, Nd, Pc, Join_Control
int age_of(char32_t c);                // major version of Unicode that assigned it; 0: unassigned

// A grapheme boundary stands between any two characters of this kind
// (Grapheme_Cluster_Break=Other).
bool stands_apart(char32_t c);

// Appends the extended grapheme clusters of `text`, in order, as views into it.
void split_graphemes(std::string_view text, std::vector<std::string_view>& clusters);

}  // namespace narabi::text
