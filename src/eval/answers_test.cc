#include "eval/answers.h"

#include <gtest/gtest.h>

namespace narabi::eval {
namespace {

const std::vector<QuizQuestion> kQuestions = {
    {"銀閣寺", {"金閣寺", "銀閣寺", "龍安寺"}},
    {"東京", {"京都", "東京"}},
    {"東京都", {"東京", "東京都"}},  // one begins where the other does
};
const std::vector<std::vector<FoundPassage>> kFound = {
    {{"寺", "金閣寺の話"}, {"銀閣寺", "足利義政が建てた"}},
    {{"大阪", "なにわ"}, {"都市", "東京と京都"}},
    {{"首都", "東京都"}},
};

TEST(Answers, TitlesOfAllPassagesComeBeforeTheTexts) {
  EXPECT_DOUBLE_EQ(judge_answers({kQuestions.data(), 1}, {kFound.data(), 1}, 1).accuracy, 0);
  EXPECT_DOUBLE_EQ(judge_answers({kQuestions.data(), 1}, {kFound.data(), 1}, 2).accuracy, 1);
}

TEST(Answers, AQuestionOfWhichNoCandidateOccursIsNoMatch) {
  const auto first = judge_answers(kQuestions, kFound, 1);
  EXPECT_DOUBLE_EQ(first.no_match_rate, 1. / 3);
  EXPECT_DOUBLE_EQ(judge_answers(kQuestions, kFound, 2).no_match_rate, 0);
}

TEST(Answers, AHitNeedsTheAnswerAndAnAccuratePredictionThatItComesFirst) {
  const auto both = judge_answers(kQuestions, kFound, 10);
  EXPECT_DOUBLE_EQ(both.hit_rate, 1);
  EXPECT_DOUBLE_EQ(both.accuracy, 2. / 3);  // 東京 is listed before 東京都
}

TEST(Answers, NothingFoundIsNoMatch) {
  const std::vector<std::vector<FoundPassage>> nothing(3);
  const auto metrics = judge_answers(kQuestions, nothing, 5);
  EXPECT_DOUBLE_EQ(metrics.accuracy, 0);
  EXPECT_DOUBLE_EQ(metrics.no_match_rate, 1);
  EXPECT_DOUBLE_EQ(metrics.hit_rate, 0);
}

}  // namespace
}  // namespace narabi::eval
