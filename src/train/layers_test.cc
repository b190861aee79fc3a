#include "train/layers.h"

#include <gtest/gtest.h>

#include "train/rerank_objective.h"

namespace narabi::train {
namespace {

PackedBatch batch_of(const std::vector<std::size_t>& lengths) {
  std::vector<Encoding> encodings(lengths.size());
  for (std::size_t i = 0; i < lengths.size(); ++i) encodings[i].input_ids.assign(lengths[i], 5);
  return pack(encodings);
}

class AttentionInBuckets : public testing::TestWithParam<std::optional<std::int64_t>> {};

// The form for GPUs, here on the CPU, beside the form that pads nothing.
TEST_P(AttentionInBuckets, GivesValuesAndGradientsOfTheRuns) {
  PackedBatch batch = batch_of({3, 17, 9, 9, 30, 1, 8, 16});
  const torch::Tensor x = torch::randn({3, batch.tokens(), 2, 8});
  const auto run = [&](torch::Tensor& gradient) {
    const torch::Tensor input = x.clone().set_requires_grad(true);
    const torch::Tensor out = attention(input[0], input[1], input[2], batch, GetParam());
    (out * torch::arange(out.numel()).view_as(out).sin()).sum().backward();
    gradient = input.grad();
    return out.detach();
  };
  torch::Tensor by_runs, by_buckets;
  const torch::Tensor expected = run(by_runs);
  batch.buckets = make_buckets(batch.runs, 8);
  EXPECT_EQ(batch.buckets.size(), 4u);  // up to 8, 16, 24, 32
  const torch::Tensor found = run(by_buckets);
  EXPECT_LT((found - expected).abs().max().item<double>(), 1e-5);
  EXPECT_LT((by_buckets - by_runs).abs().max().item<double>(), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Windows, AttentionInBuckets,
                         testing::Values(std::nullopt, std::optional<std::int64_t>(2)));

TEST(SampleGroup, HasAPositiveFirstAndNothingTwice) {
  data::Group group{"q", {"p0", "n1", "n2", "p3", "n4"}, {1, 0, 0, 1, 0}, {0, 1, 2, 3, 4}};
  bool both = false;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const data::Group part = sample_group(group, 3, seed);
    ASSERT_EQ(part.passages.size(), 3u);
    EXPECT_EQ(part.labels, (std::vector<float>{1, 0, 0}));
    for (std::size_t i = 0; i < 3; ++i)  // the teacher's score goes with its passage
      EXPECT_EQ(part.passages[i].back(), '0' + static_cast<char>(part.teacher[i]));
    EXPECT_NE(part.passages[1], part.passages[2]);
    both = both || part.passages[0] == "p3";
  }
  EXPECT_TRUE(both);
  EXPECT_EQ(sample_group(group, 0, 1).passages, group.passages);
  EXPECT_EQ(sample_group(group, 9, 1).passages, group.passages);
}

}  // namespace
}  // namespace narabi::train
