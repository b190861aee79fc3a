#include "train/fused_attention.h"

#include <gtest/gtest.h>

#include "train/attention_core.h"
#include "train/layers.h"

namespace narabi::train {
namespace {

using torch::Tensor;

struct Case {
  std::vector<std::size_t> lengths;
  std::int64_t size;
  bool turn;
  std::optional<std::int64_t> window;
};

struct Result {
  Tensor value, gradient;
};

class FusedAttention : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!has_attention_core())
      GTEST_SKIP() << "this CPU has no AVX-512 BF16: libtorch's attention is used";
    torch::manual_seed(7);
    std::vector<Encoding> encodings(GetParam().lengths.size());
    for (std::size_t i = 0; i < encodings.size(); ++i)
      encodings[i].input_ids.assign(GetParam().lengths[i], 5);
    batch_ = pack(encodings);
    const std::int64_t size = GetParam().size;
    joint_ = torch::randn({batch_.tokens(), 3, 2, size}).to(torch::kBFloat16);
    weights_ = torch::randn({batch_.tokens(), 2 * size}).to(torch::kBFloat16);
    const Tensor angle =
        torch::arange(batch_.runs.back().length).unsqueeze(1) *
        torch::pow(100.0, -torch::arange(size / 2) / static_cast<double>(size / 2));
    if (GetParam().turn) angles_ = Angles{angle.cos(), angle.sin()};
  }

  template <typename Attention>
  Result run(torch::ScalarType type, Attention attend) const {
    const Tensor joint = joint_.to(type, false, true).set_requires_grad(true);
    const Tensor out = attend(joint);
    (out * weights_.to(type)).sum().backward();
    return {out.detach().to(torch::kFloat64), joint.grad().to(torch::kFloat64)};
  }

  // Without fusing, in the precision of `joint`.
  Tensor plain(const Tensor& joint) const {
    const auto turn = [&](const Tensor& x) {
      if (!angles_) return x;
      const Tensor c =
          angles_->cosine.index_select(0, batch_.positions).unsqueeze(1).to(torch::kFloat64);
      const Tensor s =
          angles_->sine.index_select(0, batch_.positions).unsqueeze(1).to(torch::kFloat64);
      const auto half = x.to(torch::kFloat64).chunk(2, -1);
      return torch::cat({half[0] * c - half[1] * s, half[1] * c + half[0] * s}, -1)
          .to(x.scalar_type());
    };
    const auto parts = joint.unbind(1);
    return attention(turn(parts[0]), turn(parts[1]), parts[2], batch_, GetParam().window);
  }

  PackedBatch batch_;
  Tensor joint_, weights_;
  std::optional<Angles> angles_;
};

double distance(const Tensor& a, const Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

// Beside the same in double precision, and no further from it than libtorch's own in bf16 is.
TEST_P(FusedAttention, IsAsCloseToTheTruthAsBf16Allows) {
  const auto by_parts = [&](const Tensor& joint) { return plain(joint); };
  const Result truth = run(torch::kFloat64, by_parts), libtorch = run(torch::kBFloat16, by_parts);
  ASSERT_TRUE(can_fuse_attention(joint_, batch_));
  const Result found = run(torch::kBFloat16, [&](const Tensor& joint) {
    return fused_attention(joint, batch_, angles_, GetParam().window);
  });
  EXPECT_LT(distance(found.value, truth.value), 5e-3);
  EXPECT_LT(distance(found.gradient, truth.gradient), 1e-2);
  EXPECT_LE(distance(found.value, truth.value), 1.5 * distance(libtorch.value, truth.value));
  EXPECT_LE(distance(found.gradient, truth.gradient),
            1.5 * distance(libtorch.gradient, truth.gradient));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, FusedAttention,
    testing::Values(Case{{1, 2, 3, 31, 32, 33, 33, 70}, 64, true, std::nullopt},
                    Case{{5, 64, 17, 100}, 32, false, std::nullopt},
                    Case{{9, 40, 131}, 64, true, 7}, Case{{6, 7}, 96, false, 1}));

}  // namespace
}  // namespace narabi::train
