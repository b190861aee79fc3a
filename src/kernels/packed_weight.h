// The weights of a linear layer in the order in which the GEMM of gemm.h reads them, in f32, bf16
// or int8. The form is the same for every instruction set, so that it can lie in a file.
//
// Columns (outputs) go in blocks of 32 = two vectors of 16; inputs go in groups of 4 bytes (1 f32,
// 2 bf16, 4 int8). A block is groups x [2 vectors][16 columns][4 bytes]: 128 bytes a group.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace narabi::kernels {

enum class Operand { kF32, kBf16, kInt8 };

inline constexpr std::size_t kBlockColumns = 32;
inline constexpr std::size_t kInputMultiple = 32;  // rows of inputs are padded to this width

inline constexpr std::size_t padded_width(std::size_t width) {
  return (width + kInputMultiple - 1) / kInputMultiple * kInputMultiple;
}

inline constexpr std::size_t bytes_of(Operand operand) {
  return operand == Operand::kF32 ? 4 : operand == Operand::kBf16 ? 2 : 1;
}

// Immutable; `owner` keeps alive what the pointers look into (memory, or a mapped file).
struct PackedWeight {
  Operand operand = Operand::kF32;
  std::size_t in = 0, out = 0;              // padded: multiples of 32
  const std::byte* data = nullptr;          // in x out x bytes_of(operand), 64-byte aligned
  const float* bias = nullptr;              // [out], zeros where the layer has none
  const float* scale = nullptr;             // [out], int8 only: weight = scale x int8
  const float* compensation = nullptr;      // [out], int8 only: scale x the column's sum of int8
  std::shared_ptr<const void> owner;

  std::size_t blocks() const { return out / kBlockColumns; }
  std::size_t data_bytes() const { return in * out * bytes_of(operand); }
};

inline constexpr std::ptrdiff_t kNothing = -1;  // a packed row or column of zeros

// Which row of the source each packed column holds, and which column of the source each packed
// input; kNothing: zeros. Sizes are multiples of 32.
struct PackOrder {
  std::vector<std::ptrdiff_t> outputs, inputs;
};

// 0 .. count-1, then kNothing up to a multiple of 32.
std::vector<std::ptrdiff_t> in_order(std::size_t count);

// weight: [out, in] row-major as PyTorch stores it; bias: [out], or empty. int8: symmetric, one
// scale a row, weight / scale rounded to [-127, 127].
PackedWeight pack(Operand operand, std::span<const float> weight, std::span<const float> bias,
                  std::size_t in, const PackOrder& order);

}  // namespace narabi::kernels
