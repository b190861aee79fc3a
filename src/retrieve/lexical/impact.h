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

// tf (k1 + 1) / (tf + k1 (1 - b + b length / average)), in [0, k1 + 1), with a field's average
// length worked in. In f32, 4 or more at once where the compiler finds a loop of it.
struct FieldImpact {
  FieldImpact() = default;
  FieldImpact(const Bm25Parameters& bm25, double average)
      : gain(static_cast<float>(bm25.k1 + 1)),
        flat(static_cast<float>(std::max(bm25.k1 * (1 - bm25.b), 1e-6))),
        per_term(static_cast<float>(bm25.k1 * bm25.b / average)) {}
  float operator()(float frequency, float length) const {
    return frequency * gain / (frequency + (flat + per_term * length));
  }

  float gain = 0, flat = 1, per_term = 0;
};

inline std::uint8_t bound_byte(const Bm25Parameters& bm25, double largest) {
  return static_cast<std::uint8_t>(
      std::clamp(std::ceil(largest / (bm25.k1 + 1) * 255 + 1e-6), 0.0, 255.0));
}

}  // namespace narabi::retrieve
