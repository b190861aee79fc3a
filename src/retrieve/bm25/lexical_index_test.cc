#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

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
