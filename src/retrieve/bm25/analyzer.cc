#include "retrieve/bm25/analyzer.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/unicode.h"

namespace narabi::retrieve {
namespace {

bool has_letter_or_number(std::string_view word) {
  for (std::size_t offset = 0; offset < word.size();) {
    if (text::is_letter_or_number(base::next_code_point(word, offset))) return true;
  }
  return false;
}

bool is_all_hiragana(std::string_view word) {
  for (std::size_t offset = 0; offset < word.size();) {
    if (!text::is_hiragana(base::next_code_point(word, offset))) return false;
  }
  return true;
}

bool letter_or_number_at(std::string_view text, std::size_t offset) {
  return offset < text.size() && text::is_letter_or_number(base::next_code_point(text, offset));
}

// `hiragana`: whether one that stands in a pair is a term by itself, too.
void add_grams(std::string_view text, bool hiragana, std::vector<std::string>& grams) {
  std::string_view previous;
  for (std::size_t offset = 0; offset < text.size();) {
    const std::size_t begin = offset;
    const char32_t code = base::next_code_point(text, offset);
    if (!text::is_letter_or_number(code)) {
      previous = {};
      continue;
    }
    const std::string_view character = text.substr(begin, offset - begin);
    if (hiragana || !text::is_hiragana(code) ||
        (previous.empty() && !letter_or_number_at(text, offset))) {
      grams.emplace_back(character);
    }
    if (!previous.empty()) grams.emplace_back(previous.data(), previous.size() + character.size());
    previous = character;
  }
}

}  // namespace

Analyzer::Analyzer(const text::Morphology* morphology, bool grams)
    : worker_(morphology ? std::make_unique<text::Morphology::Worker>(*morphology) : nullptr),
      grams_(grams) {}

void Analyzer::analyze(std::string_view text, Terms& terms) {
  analyze(text, true, terms);
}

void Analyzer::analyze_query(std::string_view text, Terms& terms) {
  analyze(text, !grams_, terms);
}

// `hiragana`: whether what is hiragana alone is a term where pairs stand for it.
void Analyzer::analyze(std::string_view text, bool hiragana, Terms& terms) {
  terms.words.clear();
  terms.grams.clear();
  std::string normal = text::lower(text::nfkc(text));
  std::replace(normal.begin(), normal.end(), '\0', ' ');  // MeCab would stop there
  if (worker_) add_words(normal, hiragana, terms.words);
  if (grams_) add_grams(normal, hiragana, terms.grams);
}

void Analyzer::add_words(std::string_view text, bool hiragana, std::vector<std::string>& words) {
  surfaces_.clear();
  worker_->split_long(text, surfaces_);
  for (const std::string_view surface : surfaces_) {
    if (has_letter_or_number(surface) && (hiragana || !is_all_hiragana(surface)))
      words.emplace_back(surface);
  }
}

}  // namespace narabi::retrieve
