// What one posting adds to a score, before the term's weight, in [0, k1 + 1), and its upper bound
// in one byte.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/bm25.h"

namespace narabi::retrieve {

struct Bm25Parameters {
  double k1 = 1.2;
  double b = 0.75;
};

// With a field's average length worked in.
inline kernels::Bm25Impact impact_of(const Bm25Parameters& bm25, double average) {
  return {static_cast<float>(bm25.k1 + 1),
          static_cast<float>(std::max(bm25.k1 * (1 - bm25.b), 1e-6)),
          static_cast<float>(bm25.k1 * bm25.b / average)};
}

inline std::uint8_t bound_byte(const Bm25Parameters& bm25, double largest) {
  return static_cast<std::uint8_t>(
      std::clamp(std::ceil(largest / (bm25.k1 + 1) * 255 + 1e-6), 0.0, 255.0));
}

}  // namespace narabi::retrieve
