#include "eval/significance.h"

#include <gtest/gtest.h>

#include <vector>

#include "narabi/error.h"

namespace narabi::eval {
namespace {

std::map<std::string, double> by_query(const std::vector<double>& values) {
  std::map<std::string, double> out;
  for (std::size_t i = 0; i < values.size(); ++i) out["q" + std::to_string(i)] = values[i];
  return out;
}

// The p values are R's: t.test(x, mu = 0)$p.value.
TEST(PairedTest, the_t_test_gives_the_p_value_of_r) {
  const PairedTest five = paired_test(by_query({0, 0, 0, 0, 0}), by_query({1, 2, 3, 4, 5}), 1);
  EXPECT_EQ(five.queries, 5u);
  EXPECT_DOUBLE_EQ(five.difference, 3);
  EXPECT_NEAR(five.p_t, 0.013235, 1e-6);  // t = 4.2426, 4 degrees of freedom
  // One degree of freedom is the Cauchy distribution: p = 1 - 2 atan(t) / pi with t = 3.
  EXPECT_NEAR(paired_test(by_query({0, 0}), by_query({1, 2}), 1).p_t, 0.2048327647, 1e-9);
}

TEST(PairedTest, randomisation_gives_the_exact_share_of_signs) {
  // Of the 32 sign patterns of 1..5 only the two with all signs equal are as far from zero.
  const PairedTest test = paired_test(by_query({0, 0, 0, 0, 0}), by_query({1, 2, 3, 4, 5}), 7);
  EXPECT_NEAR(test.p_randomisation, 2.0 / 32, 0.01);
}

TEST(PairedTest, equal_runs_do_not_differ) {
  const auto values = by_query({0.1, 0.7, 0.3});
  const PairedTest test = paired_test(values, values, 1);
  EXPECT_EQ(test.difference, 0);
  EXPECT_EQ(test.p_t, 1);
  EXPECT_EQ(test.p_randomisation, 1);
}

TEST(PairedTest, many_queries_with_a_constant_gain_are_significant) {
  const PairedTest test = paired_test(by_query(std::vector<double>(200, 0.25)),
                                      by_query(std::vector<double>(200, 0.5)), 1);
  EXPECT_EQ(test.p_t, 0);
  EXPECT_LT(test.p_randomisation, 0.001);
}

TEST(PairedTest, queries_of_one_side_are_left_out_and_a_seed_repeats) {
  const auto baseline = by_query({0.2, 0.4, 0.6, 0.1}), candidate = by_query({0.3, 0.1, 0.9});
  const PairedTest test = paired_test(baseline, candidate, 5);
  EXPECT_EQ(test.queries, 3u);
  EXPECT_NEAR(test.difference, 0.1 / 3, 1e-12);
  EXPECT_EQ(test.p_randomisation, paired_test(baseline, candidate, 5).p_randomisation);
  EXPECT_THROW(paired_test({{"a", 1}}, {{"b", 1}}, 1), InvalidArgument);
}

TEST(PairedTest, CountsTheQueriesThatAreBetterAndWorse) {
  const auto test = paired_test({{"a", .5}, {"b", .5}, {"c", .5}, {"d", .5}},
                                {{"a", .6}, {"b", .4}, {"c", .9}, {"d", .5}}, 1);
  EXPECT_EQ(test.wins, 2u);
  EXPECT_EQ(test.losses, 1u);
}

TEST(Holm, MultipliesByTheTestsThatAreLeftAndNeverFalls) {
  // .005 x 4, .01 x 3, .03 x 2, and .04 x 1, which would be below the one before
  const std::vector<double> corrected = holm({.01, .04, .03, .005}),
                            expected = {.03, .06, .06, .02};
  ASSERT_EQ(corrected.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(corrected[i], expected[i], 1e-12);
}

TEST(Holm, NeverExceedsOneAndKeepsOneTestAsItIs) {
  EXPECT_EQ(holm({.9, .8}), (std::vector<double>{1, 1}));
  EXPECT_EQ(holm({.2}), std::vector<double>{.2});
  EXPECT_TRUE(holm({}).empty());
}

}  // namespace
}  // namespace narabi::eval
