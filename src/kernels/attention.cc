#include "kernels/attention.h"

#include "kernels/attention_sets.h"

namespace narabi::kernels {
namespace {

constexpr std::size_t kMaxLanes = 16;
constexpr std::size_t kMaxRows = 8;

}  // namespace

std::size_t attention_scratch(std::size_t tokens, std::size_t size) {
  // Transposed keys, and the scores of one block of query rows; columns rounded up to whole tiles.
  const std::size_t columns = (tokens + 2 * kMaxLanes - 1) / (2 * kMaxLanes) * (2 * kMaxLanes);
  return columns * (size + kMaxRows);
}

Attention attention(base::Isa set) {
  switch (set) {
    case base::Isa::kAvx512:
      return attention_avx512;
    case base::Isa::kAvx2:
      return attention_avx2;
    case base::Isa::kScalar:
      break;
  }
  return attention_scalar;
}

Attention attention() {
  static const Attention chosen = attention(base::isa());
  return chosen;
}

}  // namespace narabi::kernels
