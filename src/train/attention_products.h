// The products of attention_core_bf16.cc.
#pragma once

#include <cstdint>

namespace narabi::train {

using Pair =
    std::uint32_t;  // two neighbours of the inner dimension: what an instruction multiplies

// A: pair p of row i is at[i * row + p * step].
struct Left {
  const Pair* at;
  std::int64_t row, step;
};

// With AMX's tiles: C = A B in f32, [rows, width], A with a step of 1. width: a multiple of 32,
// pairs: of 16.
void multiply_tiles(std::int64_t rows, Left a, const Pair* b, std::int64_t width,
                    std::int64_t pairs, float* c);

}  // namespace narabi::train
