// 128 integers in as few bits as the largest needs: the blocks of a postings list.
//
// Layout: four lanes, as a 128-bit vector register holds them. Value 4 r + l is the r-th of lane l;
// the values of a lane follow each other bit by bit in that lane's 32-bit words, and word w of the
// four lanes stand side by side. A block of `width` bits takes 16 x width bytes. (Lemire and
// Boytsov 2015, "Decoding billions of integers per second through vectorization".)
#pragma once

#include <cstddef>
#include <cstdint>

namespace narabi::retrieve {

constexpr std::size_t kBlock = 128;

// Bits that the largest of 128 values needs: 0 to 32.
int bits_needed(const std::uint32_t* values);
constexpr std::size_t packed_bytes(int width) {
  return 16 * static_cast<std::size_t>(width);
}
void pack(const std::uint32_t* values, int width, std::uint8_t* out);
// width must be 0 to 32.
void unpack(const std::uint8_t* in, int width, std::uint32_t* values);

// values[i] := first + sum over j <= i of (values[j] + 1), wrapping: gaps minus one to numbers,
// where `first` is the number before (-1 as the wrapped integer at the start).
void sum_gaps(std::uint32_t first, std::uint32_t* values);

}  // namespace narabi::retrieve
