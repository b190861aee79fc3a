// 128 integers in as few bits as the largest needs: the blocks of a postings list.
//
// Layout: four lanes, as a 128-bit vector register holds them. Value 4 r + l is the r-th of lane l;
// the values of a lane follow each other bit by bit in that lane's 32-bit words, and word w of the
// four lanes stand side by side. A block of `width` bits takes 16 x width bytes. (Lemire and
// Boytsov 2015, "Decoding billions of integers per second through vectorization".)
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/cpu.h"

namespace narabi::kernels {

constexpr std::size_t kValuesOfBlock = 128;

// Bits that the largest of 128 values needs: 0 to 32.
int bits_needed(const std::uint32_t* values);
constexpr std::size_t packed_bytes(int width) {
  return 16 * static_cast<std::size_t>(width);
}
void pack(const std::uint32_t* values, int width, std::uint8_t* out);

// Value `index` of a block alone. width, here and below, must be 0 to 32.
std::uint32_t unpack_one(const std::uint8_t* in, int width, std::size_t index);

// Reads 16 x width bytes and writes 128 values, the same ones in every instruction set.
struct BlockUnpack {
  // values[i] := what was packed + 1, wrapping.
  void (*plus_one)(const std::uint8_t* in, int width, std::uint32_t* values);
  // values[i] := before + the sum over j <= i of (what was packed + 1), wrapping: gaps minus one to
  // ascending numbers, where `before` is the last number of the block before (-1 as the wrapped
  // integer at the start).
  void (*gaps)(const std::uint8_t* in, int width, std::uint32_t before, std::uint32_t* values);
};
const BlockUnpack& block_unpack();  // of base::isa()
const BlockUnpack& block_unpack(base::Isa set);

}  // namespace narabi::kernels
