#include "rerank/budget.h"

#include <gtest/gtest.h>

namespace narabi::rerank {
namespace {

// Plays a model that takes `each` ms a passage; how many are done, and when.
std::pair<std::size_t, double> play(double budget, double each, std::size_t passages,
                                    double start = 0) {
  BudgetPlanner planner(budget);
  std::size_t done = 0;
  double now = start;
  while (const std::size_t count = planner.next(now, passages - done)) {
    planner.done(count, each * static_cast<double>(count));
    now += each * static_cast<double>(count);
    done += count;
  }
  return {done, now};
}

TEST(BudgetPlanner, UsesMostOfTheBudgetAndNoMore) {
  for (const double each : {0.1, 1.0, 3.0}) {
    const auto [done, end] = play(100, each, 100000);
    EXPECT_LE(end, 100);
    EXPECT_GT(end, 85) << each;
    EXPECT_EQ(done, static_cast<std::size_t>(end / each + 0.5));
  }
}

TEST(BudgetPlanner, EverythingIsDoneWhenThereIsTime) {
  EXPECT_EQ(play(1e9, 1, 100).first, 100u);
  EXPECT_EQ(play(1e9, 0, 7).first, 7u);
}

TEST(BudgetPlanner, NothingIsStartedWhenTheTimeIsOver) {
  EXPECT_EQ(play(100, 1, 100, 100).first, 0u);
  EXPECT_EQ(play(0, 1, 100).first, 0u);
}

TEST(BudgetPlanner, ASlowModelOverrunsByItsFirstBatchAtMost) {
  EXPECT_EQ(play(10, 500, 100).first, 2u);
}

}  // namespace
}  // namespace narabi::rerank
