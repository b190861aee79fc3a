// The passes between GEMMs: norms, activations, residuals, rotary positions. Row-major f32.
#pragma once

#include <cstddef>

#include "base/cpu.h"

namespace narabi::kernels {

struct LayerNormArgs {
  const float* input = nullptr;     // [rows, width]
  const float* residual = nullptr;  // [rows, width], added to the input first; may be null
  const float* weight = nullptr;    // [width]
  const float* bias = nullptr;      // [width]; may be null
  float epsilon = 0;
  std::size_t rows = 0;
  std::size_t width = 0;
  float* output = nullptr;  // [rows, width]; may be input or residual
};

struct RopeArgs {
  float* heads = nullptr;  // row r, head h at heads + r * stride + h * size; rotated in place
  std::size_t rows = 0;    // row r stands at position r
  std::size_t stride = 0;  // floats from row to row
  std::size_t count = 0;   // heads a row
  std::size_t size = 0;    // D, even
  const float* cosine = nullptr;  // [rows, D / 2]
  const float* sine = nullptr;    // [rows, D / 2]
};

// One function a pass; every instruction set offers all of them. Against the scalar one (the
// specification) the others differ by rounding only: relative 2e-6 for norms, absolute 1e-6 x
// max(1, |x|) for activations.
struct Elementwise {
  // y = (x - mean) / sqrt(variance + epsilon) * weight + bias, mean and variance over a row.
  void (*layer_norm)(const LayerNormArgs& args);
  // x = x / 2 (1 + erf(x / sqrt 2)): the exact GELU ("gelu" in config.json).
  void (*gelu)(float* values, std::size_t count);
  // out[r, i] = gelu(both[r, i]) * both[r, width + i]: the first half is activated.
  void (*geglu)(const float* both, std::size_t rows, std::size_t width, float* out);
  // sum[i] += values[i]
  void (*add)(const float* values, std::size_t count, float* sum);
  // (a, b) -> (a cos - b sin, b cos + a sin) for the halves a, b of every head.
  void (*rope)(const RopeArgs& args);
};

const Elementwise& elementwise();  // for base::isa()
// For tests; the set has to be one that base::cpu_has().
const Elementwise& elementwise(base::Isa set);

}  // namespace narabi::kernels
