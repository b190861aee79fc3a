// What one posting adds to a score, before the term's weight, and its upper bound in one byte.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace narabi::retrieve {

struct Bm25Parameters {
  double k1 = 1.2;
  double b = 0.75;
};

// tf (k1 + 1) / (tf + k1 (1 - b + b length / average)), in [0, k1 + 1).
inline double impact(const Bm25Parameters& bm25, double frequency, double length, double average) {
  return frequency * (bm25.k1 + 1) /
         (frequency + bm25.k1 * (1 - bm25.b + bm25.b * length / average));
}

inline std::uint8_t bound_byte(const Bm25Parameters& bm25, double largest) {
  return static_cast<std::uint8_t>(
      std::clamp(std::ceil(largest / (bm25.k1 + 1) * 255 + 1e-6), 0.0, 255.0));
}

}  // namespace narabi::retrieve
