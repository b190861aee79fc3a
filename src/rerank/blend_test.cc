#include "rerank/blend.h"

#include <gtest/gtest.h>

namespace narabi::rerank {
namespace {

TEST(Blend, orders_by_logit_plus_weight_times_first_stage) {
  const std::vector<float> logits = {1, 2, 0};
  const std::vector<double> bm25 = {10, 1, 20};
  const auto by_logit = blend(logits, bm25, 0);
  EXPECT_EQ(by_logit[0].index, 1u);
  const auto blended = blend(logits, bm25, 0.5);
  EXPECT_EQ(blended[0].index, 2u);
  EXPECT_DOUBLE_EQ(blended[0].final_score, 10);
  EXPECT_DOUBLE_EQ(blended[0].logit, 0);
}

TEST(Blend, keeps_the_order_given_when_scores_are_equal) {
  const auto out = blend(std::vector<float>{1, 1, 1}, std::vector<double>{0, 0, 0}, 1);
  EXPECT_EQ(out[0].index, 0u);
  EXPECT_EQ(out[2].index, 2u);
}

}  // namespace
}  // namespace narabi::rerank
