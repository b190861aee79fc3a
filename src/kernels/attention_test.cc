// Every instruction set that this machine has, against the scalar specification.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/cpu.h"
#include "kernels/attention.h"
#include "kernels/guarded_memory.h"
#include "kernels/test_sets.h"

namespace narabi::kernels {
namespace {

using base::Isa;

double worst_difference(const Guarded<float>& a, const Guarded<float>& b,
                        double relative_from = 1e30) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double scale = std::abs(a[i]) > relative_from ? std::abs(a[i]) / relative_from : 1;
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b[i]) / scale);
  }
  return worst;
}

Guarded<float> attend(Isa set, const Guarded<float>& qkv, std::size_t tokens, std::size_t heads,
                      std::size_t size, std::size_t window) {
  // Each ends where its last token does.
  const std::size_t h = heads * size;
  const Guarded<float> query(qkv.begin(), qkv.end() - 2 * h), key(qkv.begin() + h, qkv.end() - h),
      value(qkv.begin() + 2 * h, qkv.end());
  Guarded<float> out(tokens * h, -1), scratch(attention_scratch(tokens, size));
  attention(set)({.query = query.data(),
                  .query_stride = 3 * h,
                  .queries = tokens,
                  .key = key.data(),
                  .value = value.data(),
                  .stride = 3 * h,
                  .tokens = tokens,
                  .heads = heads,
                  .size = size,
                  .scale = 0.3f,
                  .window = window,
                  .scratch = scratch.data(),
                  .output = out.data(),
                  .output_stride = h});
  return out;
}

TEST(Attention, agrees_with_the_scalar_one_for_every_length_head_size_and_window) {
  for (const std::size_t tokens : {1, 2, 7, 8, 33, 64, 130}) {
    for (const std::size_t size : {2, 10, 16, 24, 32, 64}) {
      const auto qkv = noise(tokens * 3 * 2 * size, 1.5f, static_cast<unsigned>(tokens * size));
      for (const std::size_t window : {0, 1, 8, 64}) {
        const auto expected = attend(Isa::kScalar, qkv, tokens, 2, size, window);
        for (const Isa set : vector_sets()) {
          EXPECT_LE(worst_difference(expected, attend(set, qkv, tokens, 2, size, window)), 1e-5)
              << base::isa_name(set) << " tokens " << tokens << " size " << size << " window "
              << window;
        }
      }
    }
  }
}

TEST(Attention, gives_the_value_itself_when_a_token_sees_only_itself) {
  const auto qkv = noise(1 * 3 * 16, 1, 11);
  for (const Isa set : {Isa::kScalar, base::isa()}) {
    const auto out = attend(set, qkv, 1, 1, 16, 0);
    for (std::size_t i = 0; i < 16; ++i) EXPECT_FLOAT_EQ(out[i], qkv[32 + i]);
  }
}

}  // namespace
}  // namespace narabi::kernels
