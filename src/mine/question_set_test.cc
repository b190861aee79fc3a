#include "mine/question_set.h"

#include <gtest/gtest.h>

namespace narabi::mine {
namespace {

data::SquadSplit two_articles() {
  data::SquadSplit split;
  split.paragraphs = {{0, "梅雨", "一二三四。五六七八。\n九十一二。三四五六。"},
                      {1, "", "題 文。"}};
  split.questions = {{"a", "四の前は？", 0, {"三"}, 2},
                     {"b", "七の前は？", 0, {"六"}, 6},
                     {"c", "九の次は？", 0, {"十"}, 12},
                     {"d", "四の次は？", 0, {"五"}, 18},
                     {"e", "題は？", 1, {"題"}, 0}};
  return split;
}

std::string passage_of(const QuestionSet& set, std::size_t question) {
  return set.corpus.text(set.questions[question].positives[0]);
}

TEST(QuestionSet, keeps_paragraphs_whole) {
  const QuestionSet set = from_squad(two_articles(), {});
  ASSERT_EQ(set.corpus.passages.size(), 2u);
  EXPECT_EQ(passage_of(set, 3), "一二三四。五六七八。\n九十一二。三四五六。");
  EXPECT_EQ(set.questions[3].answers, std::vector<std::string>{"五"});
}

TEST(QuestionSet, cuts_between_sentences_and_asks_about_the_part_with_the_answer) {
  const QuestionSet set = from_squad(two_articles(), {.titles = true, .max_length = 12});
  ASSERT_EQ(set.corpus.passages.size(), 3u);
  EXPECT_EQ(passage_of(set, 0), "梅雨 一二三四。五六七八。");
  EXPECT_EQ(passage_of(set, 1), "梅雨 一二三四。五六七八。");
  EXPECT_EQ(passage_of(set, 2), "梅雨 九十一二。三四五六。");
  EXPECT_EQ(passage_of(set, 3), "梅雨 九十一二。三四五六。");
  EXPECT_EQ(passage_of(set, 4), "題 文。");
  EXPECT_EQ(set.corpus.article, (std::vector<std::size_t>{0, 0, 1}));
}

TEST(QuestionSet, does_not_cut_inside_of_a_sentence) {
  const QuestionSet set = from_squad(two_articles(), {.max_length = 3});
  ASSERT_EQ(set.corpus.passages.size(), 5u);
  EXPECT_EQ(passage_of(set, 1), "五六七八。");
  EXPECT_EQ(passage_of(set, 2), "九十一二。");
}

}  // namespace
}  // namespace narabi::mine
