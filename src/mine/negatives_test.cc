#include "mine/negatives.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace narabi::mine {
namespace {

const std::vector<Candidate> kRanking = {{10, 9.0}, {11, 8.0}, {12, 7.0}, {13, 2.0}, {14, 1.0}};

std::vector<std::size_t> passages(const std::vector<Candidate>& candidates) {
  std::vector<std::size_t> list;
  for (const Candidate& candidate : candidates) list.push_back(candidate.passage);
  return list;
}

std::vector<std::size_t> choose(const NegativeRules& rules, Dropped& dropped,
                                double positive = 8.5) {
  std::mt19937_64 random(1);
  return passages(choose_negatives(kRanking, positive, rules, random, dropped));
}

TEST(ChooseNegatives, TakesTheBestOfTheRange) {
  NegativeRules rules;
  rules.count = 2;
  rules.range_min = 1;
  Dropped dropped;
  EXPECT_EQ(choose(rules, dropped), (std::vector<std::size_t>{11, 12}));
  rules.range_max = 2;
  EXPECT_EQ(choose(rules, dropped), (std::vector<std::size_t>{11}));
}

TEST(ChooseNegatives, DropsWhatScoresAsHighAsThePositiveLessTheMargin) {
  NegativeRules rules;
  Dropped dropped;
  rules.margin = 1;  // above 7.5
  EXPECT_EQ(choose(rules, dropped), (std::vector<std::size_t>{12, 13, 14}));
  EXPECT_EQ(dropped.by_margin, 2u);
  rules.margin = 0;  // above 8.5
  EXPECT_EQ(choose(rules, dropped), (std::vector<std::size_t>{11, 12, 13, 14}));
}

TEST(ChooseNegatives, ARelativeMarginCountsForPositiveScoresOnly) {
  NegativeRules rules;
  rules.relative_margin = 0.5;  // above 4.25
  Dropped dropped;
  EXPECT_EQ(choose(rules, dropped), (std::vector<std::size_t>{13, 14}));
  EXPECT_EQ(choose(rules, dropped, -1.0).size(), kRanking.size());
}

TEST(ChooseNegatives, DropsWhatIsAboveTheMaximumScore) {
  NegativeRules rules;
  rules.max_score = 2;
  Dropped dropped;
  EXPECT_EQ(choose(rules, dropped), (std::vector<std::size_t>{13, 14}));
  EXPECT_EQ(dropped.by_score, 3u);
}

TEST(IsEasy, IsAQuestionWhosePositiveLeadsByMoreThanAllowed) {
  NegativeRules rules;
  EXPECT_FALSE(is_easy(kRanking, 1000, rules));  // no such rule
  rules.max_lead = 3;
  EXPECT_FALSE(is_easy(kRanking, 12, rules));
  EXPECT_TRUE(is_easy(kRanking, 12.1, rules));
  EXPECT_FALSE(is_easy({}, 12.1, rules));
  EXPECT_FALSE(is_easy(kRanking, std::numeric_limits<double>::infinity(), rules));
}

TEST(ChooseNegatives, ARandomChoiceKeepsTheOrderAndDependsOnTheSeedAlone) {
  NegativeRules rules;
  rules.count = 3;
  rules.sampling = Sampling::kRandom;
  Dropped dropped;
  const auto chosen = choose(rules, dropped);
  EXPECT_EQ(chosen.size(), 3u);
  EXPECT_TRUE(std::is_sorted(chosen.begin(), chosen.end()));
  EXPECT_EQ(chosen, choose(rules, dropped));
}

TEST(Sample, NeverTakesWhatIsTakenAndNothingTwice) {
  std::vector<std::size_t> taken = {1, 3};
  std::mt19937_64 random(2);
  auto chosen = sample({0, 1, 2, 3, 4}, 10, taken, random);
  std::sort(chosen.begin(), chosen.end());
  EXPECT_EQ(chosen, (std::vector<std::size_t>{0, 2, 4}));
  EXPECT_EQ(taken.size(), 5u);
  EXPECT_TRUE(sample({0, 4}, 1, taken, random).empty());
}

TEST(AnswerFilter, FindsAnswersInOtherWidthsAndCases) {
  const AnswerFilter filter({"ＮＨＫ", ""});
  EXPECT_TRUE(filter.found_in("その年のnhkの放送"));
  EXPECT_FALSE(filter.found_in("民放"));
  EXPECT_FALSE(AnswerFilter({}).found_in("何でも"));
}

}  // namespace
}  // namespace narabi::mine
