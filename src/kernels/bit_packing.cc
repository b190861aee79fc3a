#include "kernels/bit_packing.h"

#include <bit>
#include <cstring>

#include "kernels/bit_packing_sets.h"

namespace narabi::kernels {
namespace {

constexpr std::size_t kLanes = 4;

std::uint32_t word_at(const std::uint8_t* in, std::size_t word, std::size_t lane) {
  std::uint32_t value;
  std::memcpy(&value, in + 16 * word + 4 * lane, sizeof value);
  return value;
}

}  // namespace

int bits_needed(const std::uint32_t* values) {
  std::uint32_t all = 0;
  for (std::size_t i = 0; i < kValuesOfBlock; ++i) all |= values[i];
  return std::bit_width(all);
}

std::uint32_t unpack_one(const std::uint8_t* in, int width, std::size_t index) {
  const auto bits = static_cast<std::size_t>(width);
  if (bits == 0) return 0;
  const std::size_t bit = index / kLanes * bits, word = bit / 32, shift = bit % 32;
  std::uint32_t value = word_at(in, word, index % kLanes) >> shift;
  if (shift + bits > 32) value |= word_at(in, word + 1, index % kLanes) << (32 - shift);
  return bits == 32 ? value : value & ((1u << bits) - 1);
}

const BlockUnpack& block_unpack(base::Isa set) {
  return set >= base::Isa::kAvx512 ? kBlockUnpackAvx512 : kBlockUnpackScalar;
}

const BlockUnpack& block_unpack() {
  static const BlockUnpack& chosen = block_unpack(base::isa());
  return chosen;
}

}  // namespace narabi::kernels
