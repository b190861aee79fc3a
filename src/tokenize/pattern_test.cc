#include "tokenize/pattern.h"

#include <gtest/gtest.h>

#include <random>

#include "base/utf8.h"
#include "narabi/error.h"

namespace narabi::tokenize {
namespace {

std::vector<std::pair<std::size_t, bool>> ends_of(const Pattern& pattern, std::string_view text) {
  std::vector<Span> spans;
  pattern.find(text, spans);
  std::vector<std::pair<std::size_t, bool>> ends;
  for (const Span& span : spans) ends.emplace_back(span.end, span.match);
  return ends;
}

// A group around an expression keeps its meaning and sends it to ICU.
TEST(Pattern, finds_simple_expressions_without_icu_as_icu_does) {
  const std::u32string alphabet = U"  a。、あ𠮷x";
  std::mt19937 random(2);
  for (const std::string expression : {" {2,}", "[。、]", "。{2,}", "[ a𠮷]", "𠮷{2,}"}) {
    const Pattern quick = Pattern::regex(expression, "x");
    const Pattern icu = Pattern::regex("(?:" + expression + ")", "x");
    for (int i = 0; i < 500; ++i) {
      std::u32string text;
      for (std::size_t length = random() % 12; length > 0; --length)
        text += alphabet[random() % alphabet.size()];
      const std::string utf8 = base::to_utf8(text);
      ASSERT_EQ(ends_of(quick, utf8), ends_of(icu, utf8)) << expression << " in '" << utf8 << "'";
    }
  }
}

TEST(Pattern, leaves_other_expressions_to_icu) {
  const std::vector<std::pair<std::size_t, bool>> digit = {{1, false}, {2, true}};
  EXPECT_EQ(ends_of(Pattern::regex("[0-9]", "x"), "-1"), digit);
  EXPECT_EQ(ends_of(Pattern::regex("\\d{2,}", "x"), "-12").size(), 2u);
  EXPECT_EQ(ends_of(Pattern::regex("[^a]", "x"), "ab").size(), 2u);
}

// What they mean where they are accepted: reference_test.cc.
TEST(Pattern, refuses_what_Oniguruma_may_read_otherwise) {
  for (const std::string expression : {"\\v",
                                       "\\O",
                                       "\\Qa\\E",
                                       "\\Z",
                                       "\\1",
                                       "\\xE9",
                                       "\\x{D800}",
                                       "\\u30",
                                       "\\pL",
                                       "\\p{XDigit}",
                                       "\\p{Script=Han}",
                                       "\\p{^L}",
                                       "[a-z--b]",
                                       "[a-z&&b]",
                                       "[[a]b]",
                                       "[]a]",
                                       "[a-\\w]",
                                       "[\\b]",
                                       "[[:alpha:]]",
                                       "[[:^space:]]",
                                       "[a",
                                       "(?m)a",
                                       "a(?i)b",
                                       "(?<n>a)",
                                       "(?#a)",
                                       "(*FAIL)",
                                       "a{,2}",
                                       "a{2}?",
                                       "a{1,2}+",
                                       "a**",
                                       "a{b",
                                       "*",
                                       "a\\",
                                       "("}) {
    try {
      Pattern::regex(expression, "DIR/tokenizer.json.Regex");
      ADD_FAILURE() << "accepts " << expression;
    } catch (const Unsupported& error) {
      const std::string start = "DIR/tokenizer.json.Regex: regular expression " + expression + ": ";
      EXPECT_EQ(std::string(error.what()).substr(0, start.size()), start);
    }
  }
}

}  // namespace
}  // namespace narabi::tokenize
