#include "models/recent_rows.h"

#include <gtest/gtest.h>

#include <random>

namespace narabi::models {
namespace {

constexpr std::size_t kWidth = 4096;  // 512 rows fit
constexpr std::int32_t kVocabulary = 2000;

// Asks for the tokens, writes the rows that are missing, checks every row; how many were missing.
std::size_t ask(RecentRows& recent, const std::vector<std::int32_t>& tokens, float model) {
  const RecentRows::Found& found = recent.find(tokens);
  for (std::size_t j = 0; j < found.missing.size(); ++j) {
    const auto token = static_cast<float>(tokens[found.missing[j]]);
    std::fill_n(found.fresh + j * kWidth, kWidth, model + token);
  }
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    EXPECT_EQ(found.rows[i][0], model + static_cast<float>(tokens[i]));
    EXPECT_EQ(found.rows[i][kWidth - 1], model + static_cast<float>(tokens[i]));
  }
  return found.missing.size();
}

TEST(RecentRows, asks_for_each_row_once_while_it_is_held) {
  RecentRows recent;
  recent.hold(1, kVocabulary, kWidth);
  EXPECT_EQ(ask(recent, {5, 7, 5, 1999, 0, 7}, 0), 4u);
  EXPECT_EQ(ask(recent, {0, 5, 6}, 0), 1u);
  recent.hold(1, kVocabulary, kWidth);
  EXPECT_EQ(ask(recent, {6, 1999}, 0), 0u);
}

TEST(RecentRows, forgets_what_another_model_computed) {
  RecentRows recent;
  recent.hold(1, kVocabulary, kWidth);
  ask(recent, {1, 2, 3}, 0);
  recent.hold(2, kVocabulary, kWidth);
  EXPECT_EQ(ask(recent, {1, 2, 3}, 0.5f), 3u);
}

TEST(RecentRows, gives_the_right_rows_however_the_ring_turns) {
  RecentRows recent;
  recent.hold(1, kVocabulary, kWidth);
  ASSERT_EQ(recent.limit(), 256u);
  std::mt19937 random(1);
  std::geometric_distribution<std::int32_t> often(0.005);
  std::size_t asked = 0, missing = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<std::int32_t> tokens(1 + random() % recent.limit());
    for (std::int32_t& token : tokens) token = std::min(often(random), kVocabulary - 1);
    missing += ask(recent, tokens, 0);
    asked += tokens.size();
  }
  EXPECT_LT(missing, asked / 2);
  EXPECT_GT(missing, 1000u);  // so that the ring has turned
}

TEST(RecentRows, holds_a_vocabulary_smaller_than_the_ring) {
  RecentRows recent;
  recent.hold(1, 3, kWidth);
  for (int round = 0; round < 5; ++round) {
    for (const std::int32_t token : {2, 0, 1, 1})
      ask(recent, std::vector<std::int32_t>(recent.limit(), token), 0);
  }
}

}  // namespace
}  // namespace narabi::models
