#include "eval/platt.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "narabi/error.h"

namespace narabi::eval {
namespace {

// Logits between -6 and 6, relevant with the probability of sigmoid(scale x logit + offset).
std::vector<JudgedLogit> drawn(double scale, double offset, std::size_t count) {
  std::mt19937_64 random(1);
  const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  std::vector<JudgedLogit> judged;
  for (std::size_t i = 0; i < count; ++i) {
    const double logit = 12 * uniform() - 6;
    judged.push_back({logit, uniform() < PlattScaling{scale, offset}.probability(logit)});
  }
  return judged;
}

std::vector<double> said_by(const PlattScaling& scaling, const std::vector<JudgedLogit>& judged) {
  std::vector<double> said;
  for (const JudgedLogit& one : judged) said.push_back(scaling.probability(one.logit));
  return said;
}

TEST(Platt, finds_the_scaling_that_the_labels_were_drawn_with) {
  for (const auto& [scale, offset] : {std::pair{1.0, 0.0}, {0.2, -1.0}, {3.0, 2.0}}) {
    const auto judged = drawn(scale, offset, 100'000);
    const PlattScaling found = fit_platt(judged);
    EXPECT_NEAR(found.scale / scale, 1, 0.05);
    EXPECT_NEAR(found.offset, offset, 0.05);
    EXPECT_NEAR(fit_offset(judged, scale), offset, 0.05);
    EXPECT_LT(reliability(judged, said_by(found, judged)).calibration_error, 0.01);
  }
}

// A loss on differences of logits leaves them anywhere.
TEST(Platt, finds_the_offset_of_logits_far_from_zero) {
  for (const double shift : {12.0, 50.0, -50.0, 300.0}) {
    auto judged = drawn(1, -1, 20'000);
    for (JudgedLogit& one : judged) one.logit += shift;
    const PlattScaling found = fit_platt(judged);
    EXPECT_NEAR(found.scale, 1, 0.1);
    EXPECT_NEAR(found.offset, -1 - found.scale * shift, 0.1);
    const PlattScaling half{0.5, fit_offset(judged, 0.5)};
    double said = 0, relevant = 0;
    for (const double p : said_by(half, judged)) said += p;
    for (const JudgedLogit& one : judged) relevant += one.relevant;
    EXPECT_NEAR(said / relevant, 1, 0.01);
  }
}

// Platt's own targets: with one logit of each kind the optimum says exactly 2/3 and 1/3.
TEST(Platt, is_finite_where_a_threshold_parts_them) {
  const std::vector<JudgedLogit> judged = {{2, true}, {-2, false}};
  const PlattScaling found = fit_platt(judged);
  EXPECT_NEAR(found.probability(2), 2.0 / 3, 1e-6);
  EXPECT_NEAR(found.probability(-2), 1.0 / 3, 1e-6);
}

TEST(Platt, no_other_scaling_has_a_smaller_loss) {
  const auto judged = drawn(0.3, -2, 20'000);
  const PlattScaling best = fit_platt(judged);
  const double least = reliability(judged, said_by(best, judged)).log_loss;
  for (const double step : {-0.02, 0.02}) {
    for (const PlattScaling& other :
         {PlattScaling{best.scale + step, best.offset}, {best.scale, best.offset + 10 * step}})
      EXPECT_GT(reliability(judged, said_by(other, judged)).log_loss, least);
  }
}

TEST(Platt, refuses_what_says_nothing) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  using Judged = std::vector<JudgedLogit>;
  EXPECT_THROW(fit_platt(Judged{}), InvalidArgument);
  EXPECT_THROW(fit_platt(Judged{{1, true}, {2, true}}), InvalidArgument);
  EXPECT_THROW(fit_platt(Judged{{1, false}}), InvalidArgument);
  EXPECT_THROW(fit_platt(Judged{{nan, true}, {2, false}}), InvalidArgument);
  EXPECT_THROW(fit_platt(Judged{{-1, true}, {-1, true}, {1, false}, {1, false}}), InvalidArgument);
  for (const double logit : {1.0, -4.8, 0.0}) {  // all logits equal
    for (const bool rest : {true, false}) {
      EXPECT_THROW(fit_platt(Judged{{logit, !rest}, {logit, rest}, {logit, rest}}),
                   InvalidArgument);
    }
  }
}

TEST(Reliability, is_what_was_said_beside_what_was_found) {
  const std::vector<JudgedLogit> judged = {{0, true}, {0, false}, {0, false}, {0, true}};
  const Reliability found = reliability(judged, std::vector<double>{0.05, 0.05, 0.95, 1});
  EXPECT_EQ(found.bins[0].pairs, 2u);
  EXPECT_EQ(found.bins[0].relevant, 1u);
  EXPECT_NEAR(found.bins[0].said, 0.05, 1e-12);
  EXPECT_EQ(found.bins[9].pairs, 2u);
  EXPECT_NEAR(found.calibration_error, (std::fabs(0.1 - 1) + std::fabs(1.95 - 1)) / 4, 1e-12);
  EXPECT_NEAR(found.log_loss, -(std::log(0.05) + std::log(0.95) + std::log(0.05) + 0) / 4, 1e-9);
}

}  // namespace
}  // namespace narabi::eval
