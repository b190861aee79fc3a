#include "tokenize/normalizer.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "base/utf8.h"
#include "tokenize/bert_categories.h"

namespace narabi::tokenize {
namespace {

template <typename Function>
class From final : public Normalizer {
 public:
  explicit From(Function function) : function_(std::move(function)) {}
  bool apply(std::string& text) const override {
    if constexpr (std::is_void_v<std::invoke_result_t<const Function&, std::string&>>) {
      function_(text);
      return true;
    } else {
      return function_(text);
    }
  }

 private:
  Function function_;
};

template <typename Function>
NormalizerPtr from(Function function) {
  return std::make_unique<From<Function>>(std::move(function));
}

// Rewrites character by character; body(c, out) appends what c becomes.
template <typename Body>
void rewrite(std::string& text, Body body) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t offset = 0; offset < text.size();)
    body(base::next_code_point(text, offset), out);
  text = std::move(out);
}

template <typename Keep>
bool keeps_first(std::string_view text, Keep keep) {
  std::size_t offset = 0;
  return text.empty() || keep(base::next_code_point(text, offset));
}

// Whether the first character stays.
template <typename Keep>
bool filter(std::string& text, Keep keep) {
  const bool first = keeps_first(text, keep);
  rewrite(text, [&](char32_t c, std::string& out) {
    if (keep(c)) base::append_utf8(out, c);
  });
  return first;
}

bool is_bert_control(char32_t c) {
  return c != '\t' && c != '\n' && c != '\r' && is_bert_other(c);
}

// The blocks that BERT treats as ideographs of one word each, with the bounds of the tokenizers
// library (its 0x2B920 differs from the 0x2B820 of the Python original).
bool is_ideograph(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
         (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

bool is_clean(char32_t c) {
  return c != 0 && c != 0xFFFD && !is_bert_control(c);
}

bool clean(std::string& text) {
  const bool first = keeps_first(text, is_clean);
  rewrite(text, [](char32_t c, std::string& out) {
    if (is_clean(c)) base::append_utf8(out, text::is_white_space(c) ? U' ' : c);
  });
  return first;
}

void space_ideographs(std::string& text) {
  rewrite(text, [](char32_t c, std::string& out) {
    if (is_ideograph(c)) {
      out += ' ';
      base::append_utf8(out, c);
      out += ' ';
    } else {
      base::append_utf8(out, c);
    }
  });
}

bool is_nmt_dropped(char32_t c) {
  return (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F ||
         c == 0x8F || c == 0x9F;
}

bool is_nmt_space(char32_t c) {
  return c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 ||
         (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF ||
         c == 0xFFFD;
}

bool strip(std::string& text, StripSides sides) {
  std::size_t begin = text.size(), end = 0;  // of what is no white space
  for (std::size_t offset = 0; offset < text.size();) {
    const std::size_t at = offset;
    if (text::is_white_space(base::next_code_point(text, offset))) continue;
    begin = std::min(begin, at);
    end = offset;
  }
  if (sides.right) text.resize(end);
  if (sides.left) text.erase(0, std::min(begin, text.size()));
  return !sides.left || begin == 0;
}

}  // namespace

NormalizerPtr make_sequence(std::vector<NormalizerPtr> parts) {
  return from([parts = std::move(parts)](std::string& text) {
    bool first = true;
    for (const NormalizerPtr& part : parts) first = part->apply(text) && first;
    return first;
  });
}

NormalizerPtr make_unicode_form(text::Form form) {
  return from([form](std::string& text) { text = text::normalise(text, form); });
}

NormalizerPtr make_precompiled(Charsmap charsmap) {
  return from([charsmap = std::move(charsmap)](std::string& text) { charsmap.apply(text); });
}

NormalizerPtr make_replace(Pattern pattern, std::string content) {
  return from([pattern = std::move(pattern), content = std::move(content)](std::string& text) {
    std::vector<Span> spans;
    pattern.find(text, spans);
    if (std::none_of(spans.begin(), spans.end(), [](const Span& span) { return span.match; }))
      return true;
    // The library aligns what it puts in with the last character that it takes out.
    const Span& start = spans[0];
    const bool first = !start.match || start.begin == start.end ||
                       (!content.empty() && base::utf8_length(text[0]) == start.end);
    std::string out;
    for (const Span& span : spans) {
      out += span.match ? std::string_view(content)
                        : std::string_view(text).substr(span.begin, span.end - span.begin);
    }
    text = std::move(out);
    return first;
  });
}

NormalizerPtr make_prepend(std::string content) {
  return from([content = std::move(content)](std::string& text) {
    if (!text.empty()) text.insert(0, content);
  });
}

NormalizerPtr make_lowercase() {
  return from([](std::string& text) { text = text::lower_each(text); });
}

NormalizerPtr make_strip(StripSides sides) {
  return from([sides](std::string& text) { return strip(text, sides); });
}

NormalizerPtr make_strip_accents() {
  return from(
      [](std::string& text) { return filter(text, [](char32_t c) { return !text::is_mark(c); }); });
}

NormalizerPtr make_nmt() {
  return from([](std::string& text) {
    const bool first = keeps_first(text, [](char32_t c) { return !is_nmt_dropped(c); });
    rewrite(text, [](char32_t c, std::string& out) {
      if (!is_nmt_dropped(c)) base::append_utf8(out, is_nmt_space(c) ? U' ' : c);
    });
    return first;
  });
}

NormalizerPtr make_bert_normalizer(const BertNormalizerOptions& options) {
  return from([options](std::string& text) {
    bool first = !options.clean_text || clean(text);
    if (options.handle_chinese_chars) space_ideographs(text);
    if (options.strip_accents) {
      text = text::normalise(text, text::Form::kNfd);
      first = filter(text, [](char32_t c) { return !is_bert_nonspacing_mark(c); }) && first;
    }
    if (options.lowercase) text = text::lower_each(text);
    return first;
  });
}

}  // namespace narabi::tokenize
