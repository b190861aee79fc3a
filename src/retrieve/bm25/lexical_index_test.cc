#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "narabi/search.h"
#include "retrieve/bm25/analyzer.h"
#include "retrieve/bm25/postings.h"

namespace narabi {
namespace {

using ::testing::ElementsAre;

TEST(Postings, score_by_the_formula_of_bm25) {
  retrieve::Postings postings;
  postings.add({"a", "b", "a"});
  postings.add({"b"});
  postings.finish({.k1 = 1.2, .b = 0.75});
  std::vector<float> scores(2, 0.0f);
  postings.accumulate({"a"}, 1, scores);
  const double idf = std::log(1 + (2 - 1 + 0.5) / (1 + 0.5));
  const double norm = 1.2 * (1 - 0.75 + 0.75 * 3 / 2.0);
  EXPECT_NEAR(scores[0], idf * 2 * 2.2 / (2 + norm), 1e-6);
  EXPECT_EQ(scores[1], 0);
}

std::vector<Document> three() {
  return {{"1", "金閣寺", "足利義満が北山に建てた。"},
          {"2", "銀閣寺", "足利義政が東山に建てた。"},
          {"3", "", "東京都の天気は晴れ。"}};
}

TEST(LexicalIndex, finds_by_words_and_by_bigrams_alone_and_together) {
  for (const LexicalOptions& options :
       {LexicalOptions{}, LexicalOptions{.words = false}, LexicalOptions{.bigrams = false}}) {
    const LexicalIndex index(three(), options);
    const std::vector<Hit> hits = index.search("足利義政が建てた寺", 10);
    ASSERT_FALSE(hits.empty());
    EXPECT_EQ(index.document(hits[0].document).id, "2");
  }
}

TEST(Analyzer, leaves_hiragana_out_of_a_query_where_pairs_stand_for_them) {
  const text::Morphology ipadic(text::find_dictionary("ipadic"));
  const auto query_terms = [&](bool grams, std::string_view query) {
    retrieve::Terms terms;
    retrieve::Analyzer(&ipadic, grams).analyze_query(query, terms);
    return terms;
  };
  const retrieve::Terms both = query_terms(true, "お茶を飲む。ね");
  EXPECT_THAT(both.words, ElementsAre("お茶", "飲む"));
  EXPECT_THAT(both.grams, ElementsAre("茶", "お茶", "茶を", "飲", "を飲", "飲む", "ね"));
  EXPECT_THAT(query_terms(true, "すし").grams, ElementsAre("すし"));
  EXPECT_THAT(query_terms(false, "お茶を飲む").words, ElementsAre("お茶", "を", "飲む"));
  retrieve::Terms document;
  retrieve::Analyzer(&ipadic, true).analyze("茶を", document);
  EXPECT_THAT(document.words, ElementsAre("茶", "を"));
  EXPECT_THAT(document.grams, ElementsAre("茶", "を", "茶を"));
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

std::vector<std::string> words_of(std::string_view text) {
  static const text::Morphology ipadic(text::find_dictionary("ipadic"));
  retrieve::Terms terms;
  retrieve::Analyzer(&ipadic, false).analyze(text, terms);
  return terms.words;
}

TEST(Analyzer, reads_a_text_that_is_too_long_for_mecab) {
  EXPECT_GT(words_of(repeated("583.127,", 30000)).size(), 30000u);
}

TEST(Analyzer, finds_the_words_behind_65536_bytes_of_white_space) {
  EXPECT_THAT(words_of("東京" + std::string(70000, ' ') + "京都の寺"),
              ElementsAre("東京", "京都", "の", "寺"));
}

TEST(Analyzer, cuts_long_texts_where_sentences_end_or_at_white_space) {
  const std::vector<std::string> once = words_of("東京都の天気は、晴れ。");
  for (const char* sentence :
       {"東京都の天気は、晴れ。", "東京都の天気は、晴れ\n", "東京都の天気は、晴れ "}) {
    std::vector<std::string> expected;
    for (int i = 0; i < 600; ++i) expected.insert(expected.end(), once.begin(), once.end());
    EXPECT_EQ(words_of(repeated(sentence, 600)), expected) << sentence;
  }
}

TEST(Analyzer, leaves_texts_of_up_to_2000_characters_to_mecab_as_they_are) {
  const text::Morphology ipadic(text::find_dictionary("ipadic"));
  text::Morphology::Worker worker(ipadic);
  const std::string text = repeated("すもももももももものうち", 166) + "すもももも。もも";
  ASSERT_EQ(text.size(), 2000 * std::strlen("も"));
  std::vector<std::string_view> whole, pieces;
  worker.split(text, whole);
  worker.split_long(text, pieces);
  EXPECT_EQ(whole, pieces);
}

TEST(Morphology, splits_in_pieces_what_mecab_gives_up_on) {
  const text::Morphology ipadic(text::find_dictionary("ipadic"));
  const std::string text = repeated("583.127,", 30000);
  std::vector<std::string_view> words;
  text::Morphology::Worker(ipadic).split(text, words);
  EXPECT_GT(words.size(), 60000u);
}

TEST(LexicalIndex, finds_words_of_hiragana_where_pairs_weigh_nothing) {
  const LexicalIndex index({{"1", "", "これはすしです。"}}, {.bigram_weight = 0});
  EXPECT_EQ(index.search("すし", 10).size(), 1u);
}

TEST(LexicalIndex, folds_width_and_case) {
  const LexicalIndex index({{"1", "", "ＰＣのデータ"}}, {});
  EXPECT_EQ(index.search("ﾃﾞｰﾀ", 10).size(), 1u);
  EXPECT_EQ(index.search("pc", 10).size(), 1u);
}

TEST(LexicalIndex, puts_the_earlier_document_first_when_scores_are_equal) {
  const LexicalIndex index({{"1", "", "同じ文"}, {"2", "", "同じ文"}}, {});
  const std::vector<Hit> hits = index.search("同じ", 10);
  ASSERT_EQ(hits.size(), 2u);
  EXPECT_EQ(hits[0].document, 0u);
}

TEST(LexicalIndex, finds_nothing_for_a_query_without_letters) {
  const LexicalIndex index(three(), {});
  EXPECT_TRUE(index.search("、。！", 10).empty());
  EXPECT_TRUE(index.search("", 10).empty());
}

}  // namespace
}  // namespace narabi
