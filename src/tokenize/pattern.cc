#include "tokenize/pattern.h"

#include <unicode/regex.h>
#include <unicode/utext.h>

#include <optional>

#include "base/utf8.h"
#include "narabi/error.h"
#include "tokenize/oniguruma.h"

namespace narabi::tokenize {
namespace {

// Steps after which ICU gives up on one search, so that no file can hang the tokenizer.
constexpr int32_t kTimeLimit = 10'000;

constexpr std::string_view kMeta = "\\^$.|?*+()[]{}-&~";  // and what sets give a meaning to

void append(std::vector<Span>& spans, std::size_t& last, std::size_t begin, std::size_t end) {
  if (last < begin) spans.push_back({last, begin, false});
  spans.push_back({begin, end, true});
  last = end;
}

// Runs of at least `least` characters of a set: the shape of " {2,}" and "[。、]", which real files
// hold. Found without ICU, whose matcher costs more than the rest of a tokenizer together.
struct Runs {
  std::u32string set;
  std::size_t least = 1;
  bool joined = false;  // a run is one match, else each character is

  bool holds(char32_t c) const { return set.find(c) != std::u32string::npos; }
};

std::optional<Runs> as_runs(std::string_view expression) {
  const auto plain = [](std::string_view text) {
    return !text.empty() && text.find_first_of(kMeta) == std::string_view::npos;
  };
  if (expression.starts_with('[') && expression.ends_with(']')) {
    const std::string_view set = expression.substr(1, expression.size() - 2);
    if (!plain(set)) return std::nullopt;
    return Runs{base::to_utf32(set), 1, false};
  }
  if (!expression.ends_with("{2,}")) return std::nullopt;
  const std::string_view character = expression.substr(0, expression.size() - 4);
  if (!plain(character) || base::utf8_length(character[0]) != character.size()) return std::nullopt;
  return Runs{base::to_utf32(character), 2, true};
}

void find_runs(const Runs& runs, std::string_view text, std::vector<Span>& spans,
               std::size_t& last) {
  for (std::size_t offset = 0; offset < text.size();) {
    const std::size_t begin = offset;
    if (!runs.holds(base::next_code_point(text, offset))) continue;
    std::size_t count = 1;
    for (std::size_t next = offset; runs.joined && next < text.size(); ++count, offset = next) {
      if (!runs.holds(base::next_code_point(text, next))) break;
    }
    if (count >= runs.least) append(spans, last, begin, offset);
  }
}

}  // namespace

struct Pattern::Impl {
  std::string literal;
  std::optional<Runs> runs;
  std::unique_ptr<icu::RegexPattern> expression;
};

Pattern::Pattern() : impl_(std::make_unique<Impl>()) {}
Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;

Pattern Pattern::literal(std::string text) {
  Pattern pattern;
  pattern.impl_->literal = std::move(text);
  return pattern;
}

Pattern Pattern::regex(const std::string& expression, const std::string& where) {
  Pattern pattern;
  pattern.impl_->runs = as_runs(expression);
  if (pattern.impl_->runs) return pattern;
  UErrorCode status = U_ZERO_ERROR;
  UParseError error;
  pattern.impl_->expression.reset(icu::RegexPattern::compile(
      icu::UnicodeString::fromUTF8(to_icu(expression, where)), error, status));
  if (U_FAILURE(status)) {
    throw Unsupported(where + ": regular expression " + expression + ": " + u_errorName(status));
  }
  return pattern;
}

void Pattern::find(std::string_view text, std::vector<Span>& spans) const {
  spans.clear();
  if (text.empty()) return;
  std::size_t last = 0;
  if (impl_->runs) {
    find_runs(*impl_->runs, text, spans, last);
  } else if (!impl_->expression) {
    const std::string& literal = impl_->literal;
    for (std::size_t at = 0;
         !literal.empty() && (at = text.find(literal, at)) != std::string_view::npos;) {
      append(spans, last, at, at + literal.size());
      at += literal.size();
    }
  } else {
    UErrorCode status = U_ZERO_ERROR;
    UText source = UTEXT_INITIALIZER;
    utext_openUTF8(&source, text.data(), static_cast<int64_t>(text.size()), &status);
    const std::unique_ptr<icu::RegexMatcher> matcher(impl_->expression->matcher(status));
    if (U_SUCCESS(status)) {
      matcher->setTimeLimit(kTimeLimit, status);
      matcher->reset(&source);
      while (matcher->find(status)) {
        const auto begin = static_cast<std::size_t>(matcher->start64(status)),
                   end = static_cast<std::size_t>(matcher->end64(status));
        // The library takes no empty match right after another match.
        if (begin == end && !spans.empty() && begin == last) continue;
        append(spans, last, begin, end);
      }
    }
    utext_close(&source);
    if (U_FAILURE(status)) {
      throw Unsupported(std::string("a regular expression of the tokenizer: ") +
                        u_errorName(status));
    }
  }
  if (last < text.size()) spans.push_back({last, text.size(), false});
}

}  // namespace narabi::tokenize
