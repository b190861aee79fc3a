// Softmax attention of one sequence, all heads, fused: scores never leave the core's cache.
#pragma once

#include <cstddef>

#include "base/cpu.h"

namespace narabi::kernels {

// q, k and v of token t and head h lie at base + t * stride + h * size; the result at
// output + t * output_stride + h * size.
struct AttentionArgs {
  const float* query = nullptr;
  const float* key = nullptr;
  const float* value = nullptr;
  std::size_t stride = 0;  // floats from token to token
  std::size_t tokens = 0;
  std::size_t heads = 0;
  std::size_t size = 0;      // D
  float scale = 1;           // 1 / sqrt(D)
  std::size_t window = 0;    // token i sees j with |i - j| <= window; 0: every j
  float* scratch = nullptr;  // attention_scratch(tokens, size) floats
  float* output = nullptr;
  std::size_t output_stride = 0;
};

// Floats of scratch memory that any instruction set needs.
std::size_t attention_scratch(std::size_t tokens, std::size_t size);

using Attention = void (*)(const AttentionArgs& args);

Attention attention();  // for base::isa()
// For tests; the set has to be one that base::cpu_has(). Against the scalar one (the specification,
// double sums) the others differ by at most 1e-5 x max |value|.
Attention attention(base::Isa set);

}  // namespace narabi::kernels
