// Softmax attention of one sequence, all heads, fused: scores never leave the core's cache.
#pragma once

#include <cstddef>

#include "base/cpu.h"
#include "kernels/bf16.h"

namespace narabi::kernels {

// Values of token t and head h lie at base + t * stride + h * size. The queries are the first
// tokens of the sequence: token i of them sees every key, or those with |i - j| <= window.
template <typename Value>
struct AttentionArgsOf {
  const Value* query = nullptr;
  std::size_t query_stride = 0;  // elements from token to token
  std::size_t queries = 0;       // at most tokens
  const Value* key = nullptr;
  const Value* value = nullptr;
  std::size_t stride = 0;  // of key and value
  std::size_t tokens = 0;
  std::size_t heads = 0;
  std::size_t size = 0;      // D
  float scale = 1;           // of the scores: 1 / sqrt(D)
  std::size_t window = 0;    // 0: every key
  float* scratch = nullptr;  // attention_scratch(tokens, size) floats
  Value* output = nullptr;
  std::size_t output_stride = 0;
};

using AttentionArgs = AttentionArgsOf<float>;
using AttentionBf16Args = AttentionArgsOf<Bf16>;  // size: a multiple of 32

// Floats of scratch memory that any instruction set needs.
std::size_t attention_scratch(std::size_t tokens, std::size_t size);
std::size_t attention_bf16_scratch(std::size_t tokens, std::size_t size);

using Attention = void (*)(const AttentionArgs& args);

Attention attention();  // for base::isa()
// For tests; the set has to be one that base::cpu_has(). Against the scalar one (the specification,
// double sums) the others differ by at most 1e-5 x max |value|.
Attention attention(base::Isa set);

using AttentionBf16 = void (*)(const AttentionBf16Args& args);

// For base::isa(), but for vnni instead of bf16 unless base::bf16_is_fast().
AttentionBf16 attention_bf16();
// For tests, as above: within 2e-2 x max |value| of the f32 attention of the same operands. amx and
// bf16: products of bf16, probabilities rounded to bf16; vnni: of integers of 12 (query, key) and
// 16 bits (probability, value); all else: f32.
AttentionBf16 attention_bf16(base::Isa set);

}  // namespace narabi::kernels
