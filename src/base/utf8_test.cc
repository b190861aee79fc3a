#include "base/utf8.h"

#include <gtest/gtest.h>

namespace narabi::base {
namespace {

TEST(Utf8, accepts_every_length) {
  EXPECT_FALSE(invalid_utf8_at("aé並𩸽\U0010FFFF"));
}

TEST(Utf8, names_the_first_bad_byte) {
  EXPECT_EQ(invalid_utf8_at("ab\xFFz"), 2u);
  EXPECT_EQ(invalid_utf8_at("並\xE4\xB8"), 3u);        // cut short
  EXPECT_EQ(invalid_utf8_at("\xC0\xAF"), 0u);          // overlong
  EXPECT_EQ(invalid_utf8_at("\xED\xA0\x80"), 0u);      // surrogate
  EXPECT_EQ(invalid_utf8_at("\xF4\x90\x80\x80"), 0u);  // above U+10FFFF
}

TEST(Utf8, replaces_each_maximal_bad_subsequence_once) {
  EXPECT_EQ(replace_invalid_utf8("a\xE4\xB8z"), "a\uFFFDz");
  EXPECT_EQ(replace_invalid_utf8("\xFF\xFE"), "\uFFFD\uFFFD");
  EXPECT_EQ(replace_invalid_utf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
}

TEST(Utf8, goes_to_utf32_and_back) {
  const std::string text = "か\u3099 𠮷 é z";
  EXPECT_EQ(to_utf8(to_utf32(text)), text);
}

}  // namespace
}  // namespace narabi::base
