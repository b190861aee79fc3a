#include "train/validation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "narabi/evaluation.h"

namespace narabi::train {
namespace {

Quality of_one(const std::vector<float>& labels, const std::vector<float>& scores) {
  return rank_quality({data::Group{"q", std::vector<std::string>(labels.size(), "p"), labels, {}}},
                      scores);
}

TEST(RankQuality, IsThatOfEvaluateWhereLabelsAreWhole) {
  const std::vector<float> labels = {0, 3, 1, 0, 2}, scores = {5, 1, 4, 3, 2};
  Qrels qrels;
  narabi::Run run;
  for (const std::size_t i : {0, 2, 3, 4, 1}) {
    qrels["q"][std::to_string(i)] = static_cast<int>(labels[i]);
    run["q"].emplace_back(std::to_string(i), scores[i]);
  }
  const Quality quality = of_one(labels, scores);
  EXPECT_DOUBLE_EQ(quality.ndcg, evaluate(qrels, run, "ndcg@10"));
  EXPECT_DOUBLE_EQ(quality.mrr, evaluate(qrels, run, "mrr@10"));
  EXPECT_DOUBLE_EQ(quality.hit, evaluate(qrels, run, "hit@1"));
}

TEST(RankQuality, ASoftLabelIsItsGainAndRelevantFromOneHalfOn) {
  const Quality wrong = of_one({.95f, .1f}, {1, 2}), right = of_one({.95f, .1f}, {2, 1});
  const double second = 1 / std::log2(3);
  EXPECT_NEAR(wrong.ndcg, (.1 + .95 * second) / (.95 + .1 * second), 1e-6);
  EXPECT_EQ(wrong.mrr, 0.5);
  EXPECT_EQ(wrong.hit, 0);
  EXPECT_EQ(right.ndcg, 1);
  EXPECT_EQ(right.hit, 1);
}

TEST(RankQuality, OfGradesAllAboveTheLowestAreRelevant) {
  EXPECT_EQ(of_one({1, 2, 3}, {3, 2, 1}).mrr, 0.5);
  EXPECT_EQ(of_one({-1, 0}, {1, 2}).hit, 1);
}

TEST(RankQuality, EqualScoresCountAgainst) {
  EXPECT_EQ(of_one({1, 0}, {7, 7}).mrr, 0.5);
}

TEST(RankQuality, GroupsOfATeachersScoresAloneAreLeftOut) {
  const std::vector<data::Group> groups = {{"q", {"a", "b"}, {1, 0}, {}},
                                           {"r", {"a", "b"}, {1, 1}, {2, 1}}};
  const Quality quality = rank_quality(groups, {2, 1, 2, 1});
  EXPECT_EQ(quality.ndcg, 1);
  EXPECT_EQ(quality.hit, 1);
  EXPECT_EQ(rank_quality(groups, {1, 2, 2, 1}).hit, 0);
}

}  // namespace
}  // namespace narabi::train
