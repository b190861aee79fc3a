// The passes over rows between GEMMs, each one read of the row: norm, rounding to the operand of
// the next GEMM, rotation of what a GEMM gave earlier.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/cpu.h"
#include "kernels/bf16.h"
#include "kernels/packed_weight.h"

namespace narabi::kernels {

// Rows as the input of a GEMM. int8: x = scale x byte + shift, one pair a row: the row's range,
// which always holds 0, goes to 0..255, and 0 is exact.
struct OperandRows {
  Operand operand = Operand::kF32;
  std::byte* data = nullptr;
  std::size_t stride = 0;  // bytes from row to row
  float* scale = nullptr;  // int8 only
  float* shift = nullptr;  // int8 only
};

struct NormArgs {
  const float* input = nullptr;   // [rows, padded]
  const float* weight = nullptr;  // [padded], zeros beyond width; null: no norm, y = x
  const float* bias = nullptr;    // [padded]; may be null
  float epsilon = 0;
  std::size_t rows = 0;
  std::size_t width = 0;   // of the mean and the variance
  std::size_t padded = 0;  // multiple of 32; zeros from width on
  // y in f32; may be input. A stride of 0 keeps one row only: scratch for callers that want the
  // operand rows alone.
  float* output = nullptr;
  std::size_t output_stride = 0;
  OperandRows operand;  // y rounded; for kF32 that is a copy. data may be null
};

struct QuantiseArgs {
  const Bf16* input = nullptr;  // [rows, padded]
  std::size_t rows = 0;
  std::size_t padded = 0;  // multiple of 32
  OperandRows output;      // int8
};

// One row, turned as Epilogue::kRotate (gemm.h) turns it, to the bit.
struct RotateArgs {
  const float* input = nullptr;   // [width]
  std::size_t width = 0;          // multiple of 32
  const float* cosine = nullptr;  // [rotary_blocks, 16], of the row's position
  const float* sine = nullptr;
  std::size_t rotary_blocks = 0;
  float* output = nullptr;  // [width]
};

struct RowKernels {
  // y = (x - mean) / sqrt(variance + epsilon) * weight + bias.
  void (*norm)(const NormArgs& args);
  void (*quantise)(const QuantiseArgs& args);
  void (*rotate)(const RotateArgs& args);
};

const RowKernels& row_kernels();  // for base::isa()
// For tests; the set has to be one that base::cpu_has(). Against the scalar one (the specification)
// norms differ by 2e-6 relative and bytes by at most 1.
const RowKernels& row_kernels(base::Isa set);

}  // namespace narabi::kernels
