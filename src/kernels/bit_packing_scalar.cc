#include <array>
#include <cstring>
#include <utility>

#include "kernels/bit_packing_sets.h"

namespace narabi::kernels {
namespace {

// SSE2 registers, which every x86-64 has; the compiler knows them by this attribute.
using Lanes = std::uint32_t __attribute__((vector_size(16)));

constexpr int kRows = 32;

Lanes load(const void* at) {
  Lanes lanes;
  std::memcpy(&lanes, at, sizeof lanes);
  return lanes;
}

void store(void* at, Lanes lanes) {
  std::memcpy(at, &lanes, sizeof lanes);
}

template <int Width, int Row>
inline void unpack_row(const std::uint8_t* in, std::uint32_t* values) {
  constexpr int kBit = Row * Width, kWord = kBit / 32, kShift = kBit % 32;
  Lanes lanes = load(in + 16 * kWord) >> kShift;
  if constexpr (kShift + Width > 32) lanes |= load(in + 16 * (kWord + 1)) << (32 - kShift);
  if constexpr (Width < 32) lanes &= (1u << Width) - 1;
  store(values + 4 * Row, lanes + 1);
}

template <int Width>
void unpack_width(const std::uint8_t* in, std::uint32_t* values) {
  if constexpr (Width == 0) {
    for (std::size_t i = 0; i < kValuesOfBlock; ++i) values[i] = 1;
  } else {
    [&]<int... Row>(std::integer_sequence<int, Row...>) {
      (unpack_row<Width, Row>(in, values), ...);
    }
    (std::make_integer_sequence<int, kRows>{});
  }
}

using Unpack = void (*)(const std::uint8_t*, std::uint32_t*);

template <int... Width>
constexpr std::array<Unpack, sizeof...(Width)> unpack_table(std::integer_sequence<int, Width...>) {
  return {unpack_width<Width>...};
}

constexpr auto kUnpack = unpack_table(std::make_integer_sequence<int, 33>{});

void plus_one(const std::uint8_t* in, int width, std::uint32_t* values) {
  kUnpack[static_cast<std::size_t>(width)](in, values);
}

void gaps(const std::uint8_t* in, int width, std::uint32_t before, std::uint32_t* values) {
  plus_one(in, width, values);
  const Lanes zero = {};
  Lanes carry = zero + before;
  for (int row = 0; row < kRows; ++row) {
    Lanes lanes = load(values + 4 * row);
    lanes += __builtin_shufflevector(lanes, zero, 4, 0, 1, 2);
    lanes += __builtin_shufflevector(lanes, zero, 4, 4, 0, 1);
    lanes += carry;
    carry = __builtin_shufflevector(lanes, lanes, 3, 3, 3, 3);
    store(values + 4 * row, lanes);
  }
}

}  // namespace

void pack(const std::uint32_t* values, int width, std::uint8_t* out) {
  if (width == 0) return;
  std::memset(out, 0, packed_bytes(width));
  for (int row = 0; row < kRows; ++row) {
    const int bit = row * width, word = bit / 32, shift = bit % 32;
    const Lanes lanes = load(values + 4 * row);
    store(out + 16 * word, load(out + 16 * word) | (lanes << shift));
    if (shift + width > 32) store(out + 16 * (word + 1), lanes >> (32 - shift));
  }
}

const BlockUnpack kBlockUnpackScalar = {plus_one, gaps};

}  // namespace narabi::kernels
