// y = x W^T + b with what follows it fused: our own micro-kernels, because no library's epilogue
// scales by token and column, rotates, or gates.
//
// A row of the result depends on that row of x and on W alone: every output is one sum over the
// inputs in increasing order, whatever the number of rows. So rows may be cut, joined and left out
// without changing a bit of the others.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/cpu.h"
#include "kernels/packed_weight.h"

namespace narabi::kernels {

enum class Epilogue {
  kStore,   // y
  kAdd,     // output += y; the output is f32 whatever the operand
  kGelu,    // gelu(y)
  kGeglu,   // gelu(first) * second of the two vectors of every block: [rows, out / 2]
  kRotate,  // (a, b) -> (a cos - b sin, b cos + a sin) for the two vectors of every block
};

struct GemmArgs {
  const PackedWeight* weight = nullptr;
  // x: [rows, weight->in] of the weight's operand type (int8: unsigned bytes).
  const void* input = nullptr;
  std::size_t input_stride = 0;  // bytes from row to row
  // int8 only: x = row_scale x byte + row_shift.
  const float* row_scale = nullptr;
  const float* row_shift = nullptr;
  std::size_t rows = 0;
  Epilogue epilogue = Epilogue::kStore;
  // f32 for the operand f32 and for kAdd, else bf16.
  void* output = nullptr;
  std::size_t output_stride = 0;  // elements from row to row
  // kRotate only. Block b of a row turns by the angles at
  // table + positions[row] * rotary_stride + b % rotary_blocks * 16.
  const float* cosine = nullptr;
  const float* sine = nullptr;
  std::size_t rotary_stride = 0;
  std::size_t rotary_blocks = 0;
  const std::int32_t* positions = nullptr;
};

using Gemm = void (*)(const GemmArgs& args);

Gemm gemm();  // for base::isa()
// For tests; the set has to be one that base::cpu_has(). Against the scalar one (the specification):
// int8 sums are exact and the rest differs by f32 rounding; bf16 and f32 sums differ by rounding of
// sums in f32. GELU is within 1e-6 for f32 and 4e-4 for the others.
Gemm gemm(base::Isa set);

}  // namespace narabi::kernels
