// The shipped models against the logits of transformers, from token ids.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <tuple>

#include "engine/calibration.h"
#include "engine/scorer.h"

namespace narabi::engine {
namespace {

struct Golden {
  std::vector<Encoding> encodings;
  std::vector<float> logits;
};

const std::string kModels = NARABI_SOURCE_DIR "/models/";
const std::string kFolder = kModels + "prototype-modernbert-6l";

// Under sanitizers every tenth pair only: they look for something else than the last digit.
#ifdef NARABI_SANITIZED
constexpr std::size_t kEveryNth = 10;
#else
constexpr std::size_t kEveryNth = 1;
#endif

Golden read_golden(const std::string& folder, std::size_t every_nth = kEveryNth) {
  Golden golden;
  std::ifstream file(folder + "/golden.jsonl");
  std::size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    if (number++ % every_nth != 0) continue;
    const auto json = nlohmann::json::parse(line);
    golden.encodings.push_back({.input_ids = json["input_ids"], .token_type_ids = {}});
    golden.logits.push_back(json["logit"]);
  }
  return golden;
}

float largest_difference(const std::vector<float>& logits, const Golden& golden) {
  float worst = 0;
  for (std::size_t i = 0; i < logits.size(); ++i)
    worst = std::max(worst, std::abs(logits[i] - golden.logits[i]));
  return worst;
}

class ShippedModel : public testing::TestWithParam<const char*> {};

TEST_P(ShippedModel, gives_the_logits_of_transformers) {
  const std::string folder = kModels + GetParam();
  const Golden golden = read_golden(folder);
  ASSERT_EQ(golden.logits.size(), 200u / kEveryNth);
  const Scorer scorer(folder, {.precision = Precision::kF32, .threads = 2});
  const float worst = largest_difference(scorer.logits(golden.encodings), golden);
  RecordProperty("max_difference", std::to_string(worst));
  std::printf("max |logit - reference| = %g\n", static_cast<double>(worst));
  EXPECT_LE(worst, 1e-4f);
}

// With the layers that its narabi.json keeps wider. All pairs, always: among 20 of them two that
// change places are .02 of tau.
TEST_P(ShippedModel, keeps_the_order_in_int8) {
  const std::string folder = kModels + GetParam();
  const Golden golden = read_golden(folder, 1);
  const Scorer scorer(folder, {.precision = Precision::kInt8, .threads = 2});
  EXPECT_GE(kendall_tau(scorer.logits(golden.encodings), golden.logits),
            gate_of(Precision::kInt8).least_tau);
}

INSTANTIATE_TEST_SUITE_P(Models, ShippedModel,
                         testing::Values("prototype-modernbert-6l", "narabi-xsmall",
                                         "narabi-tiny"));

class StarterModel : public ShippedModel {};

// With the layers that its narabi.json keeps in f32.
TEST_P(StarterModel, keeps_every_logit_near_in_bf16) {
  const std::string folder = kModels + GetParam();
  const Golden golden = read_golden(folder);
  const Scorer scorer(folder, {.precision = Precision::kBf16, .threads = 2});
  EXPECT_LE(largest_difference(scorer.logits(golden.encodings), golden),
            gate_of(Precision::kBf16).most_difference);
}

INSTANTIATE_TEST_SUITE_P(Models, StarterModel, testing::Values("narabi-xsmall", "narabi-tiny"));

// The logits of this model span 33: 8e-2 and 2.5e-1 are a quarter and three quarters of a percent.
TEST(Prototype, in_less_precision_stays_close_to_transformers) {
  const Golden golden = read_golden(kFolder, 1);
  for (const auto& [precision, most, least_tau] :
       {std::tuple(Precision::kBf16, 8e-2f, 0.999), std::tuple(Precision::kInt8, 2.5e-1f, 0.98)}) {
    const Scorer scorer(kFolder, {.precision = precision, .threads = 2});
    const std::vector<float> logits = scorer.logits(golden.encodings);
    float worst = 0, total = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      worst = std::max(worst, std::abs(logits[i] - golden.logits[i]));
      total += std::abs(logits[i] - golden.logits[i]);
    }
    const double tau = kendall_tau(logits, golden.logits);
    std::printf("%s: max |difference| %g, mean %g, tau %g\n",
                precision == Precision::kBf16 ? "bf16" : "int8", static_cast<double>(worst),
                static_cast<double>(total) / static_cast<double>(logits.size()), tau);
    EXPECT_LE(worst, most);
    EXPECT_GE(tau, least_tau);
  }
}

void expect_bit_identical(const Golden& golden, Precision precision) {
  const Scorer one(kFolder, {.precision = precision, .threads = 1});
  std::vector<float> alone;
  for (const Encoding& encoding : golden.encodings) alone.push_back(one.logits({&encoding, 1})[0]);
  std::vector<std::size_t> order(golden.encodings.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  for (const int threads : {1, 2, 4}) {
    const Scorer scorer(kFolder, {.precision = precision, .threads = threads});
    for (const std::size_t batch : {7, 100}) {
      for (std::size_t begin = 0; begin < order.size(); begin += batch) {
        std::vector<Encoding> part;
        const std::size_t end = std::min(order.size(), begin + batch);
        for (std::size_t i = begin; i < end; ++i) part.push_back(golden.encodings[order[i]]);
        const std::vector<float> logits = scorer.logits(part);
        for (std::size_t i = begin; i < end; ++i) ASSERT_EQ(logits[i - begin], alone[order[i]]);
      }
    }
  }
}

TEST(Prototype, scores_are_bit_identical_alone_in_batches_shuffled_and_at_any_number_of_threads) {
  Golden golden = read_golden(kFolder, kEveryNth > 1 ? 25 : 1);
  if (golden.encodings.size() > 70) golden.encodings.resize(70);
  for (const Precision precision : {Precision::kF32, Precision::kBf16, Precision::kInt8}) {
    expect_bit_identical(golden, precision);
  }
}

}  // namespace
}  // namespace narabi::engine
