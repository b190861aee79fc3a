#include "tokenize/pattern.h"

#include <unicode/regex.h>
#include <unicode/utext.h>

#include "narabi/error.h"

namespace narabi::tokenize {
namespace {

// Steps after which ICU gives up on one search, so that no file can hang the tokenizer.
constexpr int32_t kTimeLimit = 10'000;

void append(std::vector<Span>& spans, std::size_t& last, std::size_t begin, std::size_t end) {
  if (begin == end) return;
  if (last < begin) spans.push_back({last, begin, false});
  spans.push_back({begin, end, true});
  last = end;
}

}  // namespace

struct Pattern::Impl {
  std::string literal;
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
  UErrorCode status = U_ZERO_ERROR;
  UParseError error;
  pattern.impl_->expression.reset(
      icu::RegexPattern::compile(icu::UnicodeString::fromUTF8(expression), error, status));
  if (U_FAILURE(status)) {
    throw Unsupported(where + ": regular expression " + expression + ": " + u_errorName(status));
  }
  return pattern;
}

std::vector<Span> Pattern::find(std::string_view text) const {
  std::vector<Span> spans;
  std::size_t last = 0;
  if (!impl_->expression) {
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
        append(spans, last, static_cast<std::size_t>(matcher->start64(status)),
               static_cast<std::size_t>(matcher->end64(status)));
      }
    }
    utext_close(&source);
    if (U_FAILURE(status)) {
      throw Unsupported(std::string("a regular expression of the tokenizer: ") +
                        u_errorName(status));
    }
  }
  if (last < text.size()) spans.push_back({last, text.size(), false});
  return spans;
}

}  // namespace narabi::tokenize
