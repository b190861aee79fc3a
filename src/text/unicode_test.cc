#include "text/unicode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/utf8.h"
#include "text/morphology.h"

namespace narabi::text {
namespace {

using testing::ElementsAre;

TEST(Unicode, composes_half_width_kana) {
  EXPECT_EQ(nfkc("ｶﾞｷﾞ ㍿ ① Ａ"), "ガギ 株式会社 1 A");
  EXPECT_EQ(normalise("が", Form::kNfd), "か\u3099");
  EXPECT_EQ(normalise("か\u3099", Form::kNfc), "が");
}

// Python 3.11: 'ΑΣ İ ß'.lower(); Rust: char::to_lowercase() of each.
TEST(Unicode, lowers_a_string_by_context_and_a_character_without) {
  EXPECT_EQ(lower("ΑΣ İ"), "ας i\u0307");
  EXPECT_EQ(lower_each("ΑΣ İ"), "ασ i\u0307");
  EXPECT_EQ(lower("ＡＢC"), "ａｂc");
}

std::vector<std::string_view> clusters(std::string_view text) {
  std::vector<std::string_view> out;
  split_graphemes(text, out);
  return out;
}

TEST(Unicode, splits_grapheme_clusters_on_the_fast_path_and_off_it) {
  EXPECT_THAT(clusters("漢字kana"), ElementsAre("漢", "字", "k", "a", "n", "a"));
  EXPECT_THAT(clusters("か\u3099は"), ElementsAre("か\u3099", "は"));
  EXPECT_THAT(clusters("a\u0301b\r\nc"), ElementsAre("a\u0301", "b", "\r\n", "c"));
  EXPECT_THAT(clusters("字👨‍👩‍👧字"), ElementsAre("字", "👨‍👩‍👧", "字"));
  EXPECT_THAT(clusters("🇯🇵🇺🇸"), ElementsAre("🇯🇵", "🇺🇸"));
  EXPECT_THAT(clusters("\u3099"), ElementsAre("\u3099"));
  EXPECT_THAT(clusters("ｶﾞ"), ElementsAre("ｶﾞ"));  // U+FF9E extends
  EXPECT_THAT(clusters("—…①é"), ElementsAre("—", "…", "①", "é"));
  EXPECT_THAT(clusters(""), ElementsAre());
}

TEST(Morphology, splits_with_both_dictionaries) {
  for (const char* name : {"unidic-lite", "ipadic"}) {
    const Morphology morphology(find_dictionary(name));
    Morphology::Worker worker(morphology);
    std::vector<std::string_view> words;
    worker.split("私は 学校へ行く", words);
    EXPECT_THAT(words, ElementsAre("私", "は", "学校", "へ", "行く")) << name;
    words.clear();
    worker.split(std::string_view("猫\0犬", 7), words);
    EXPECT_THAT(words, ElementsAre("猫"));
    words.clear();
    worker.split("", words);
    EXPECT_THAT(words, ElementsAre());
  }
}

}  // namespace
}  // namespace narabi::text
