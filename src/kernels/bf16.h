// bfloat16: the upper half of an f32.
#pragma once

#include <bit>
#include <cstdint>

namespace narabi::kernels {

using Bf16 = std::uint16_t;

// To nearest, ties to even, as vcvtneps2bf16 rounds; x is finite.
inline Bf16 to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return static_cast<Bf16>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

inline float from_bf16(Bf16 x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16);
}

}  // namespace narabi::kernels
