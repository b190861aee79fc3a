// Products of bf16 in pairs by AMX's tiles, for the *_amx.cc files alone; see tiles.h.
#pragma once

#include "kernels/tiles.h"

namespace {

constexpr std::size_t kTileStep = 32;  // values of 16 bits that an instruction sums up

// Left x right over `steps` steps: left [rows, 32 x steps] values of 16 bits, right [16 x steps,
// columns] pairs. Strides in bytes, right_step in pairs.
struct TileProduct {
  const void* left;
  std::size_t left_stride, left_step;
  const std::int32_t* right;
  std::size_t right_stride, right_step;
  std::size_t steps;

  // out[rows, columns]; columns: a multiple of 32.
  void into(float* out, std::size_t stride, std::size_t columns) const {
    std::size_t n = 0;
    for (; n + 64 <= columns; n += 64) some_columns<true>(n, out + n, stride);
    if (n < columns) some_columns<false>(n, out + n, stride);
  }

 private:
  // The 64 or 32 columns from `n` on, 16 in each of tiles 0 to 3.
  template <bool wide>
  void some_columns(std::size_t n, float* out, std::size_t stride) const {
    _tile_zero(0);
    _tile_zero(1);
    if constexpr (wide) {
      _tile_zero(2);
      _tile_zero(3);
    }
    for (std::size_t s = 0; s < steps; ++s) {
      const std::int32_t* from = right + s * right_step + n;
      _tile_loadd(4, static_cast<const char*>(left) + s * left_step, left_stride);
      _tile_loadd(6, from, right_stride);
      _tile_loadd(7, from + 16, right_stride);
      _tile_dpbf16ps(0, 4, 6);
      if constexpr (wide) _tile_loadd(6, from + 32, right_stride);
      _tile_dpbf16ps(1, 4, 7);
      if constexpr (wide) {
        _tile_loadd(7, from + 48, right_stride);
        _tile_dpbf16ps(2, 4, 6);
        _tile_dpbf16ps(3, 4, 7);
      }
    }
    _tile_stored(0, out, stride);
    _tile_stored(1, out + 16, stride);
    if constexpr (wide) {
      _tile_stored(2, out + 32, stride);
      _tile_stored(3, out + 48, stride);
    }
  }
};

}  // namespace
