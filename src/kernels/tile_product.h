// Products of bf16 in pairs by AMX's tiles, for the *_amx.cc files alone; see tiles.h.
#pragma once

#include "kernels/tiles.h"

namespace {

constexpr std::size_t kTileStep = 32;  // values of 16 bits that an instruction sums up

// One step of 16 rows x 64 columns: tiles 0 to 3 += 4 x what lies at `right`, 16 columns each.
inline void step_wide(const void* left, std::size_t left_stride, const std::int32_t* right,
                      std::size_t right_stride) {
  _tile_loadd(4, left, left_stride);
  _tile_loadd(6, right, right_stride);
  _tile_loadd(7, right + 16, right_stride);
  _tile_dpbf16ps(0, 4, 6);
  _tile_loadd(6, right + 32, right_stride);
  _tile_dpbf16ps(1, 4, 7);
  _tile_loadd(7, right + 48, right_stride);
  _tile_dpbf16ps(2, 4, 6);
  _tile_dpbf16ps(3, 4, 7);
}

// 16 rows x 32 columns.
inline void step_narrow(const void* left, std::size_t left_stride, const std::int32_t* right,
                        std::size_t right_stride) {
  _tile_loadd(4, left, left_stride);
  _tile_loadd(6, right, right_stride);
  _tile_loadd(7, right + 16, right_stride);
  _tile_dpbf16ps(0, 4, 6);
  _tile_dpbf16ps(1, 4, 7);
}

// out[rows, 64 or 32 columns] = left x right over `steps` steps: left [rows, 32 x steps] values of
// 16 bits, right [16 x steps, columns] pairs. Strides in bytes, right_step in pairs.
struct TileProduct {
  const void* left;
  std::size_t left_stride, left_step;
  const std::int32_t* right;
  std::size_t right_stride, right_step;
  std::size_t steps;

  void wide(float* out, std::size_t stride) const {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (std::size_t s = 0; s < steps; ++s)
      step_wide(left_at(s), left_stride, right + s * right_step, right_stride);
    _tile_stored(0, out, stride);
    _tile_stored(1, out + 16, stride);
    _tile_stored(2, out + 32, stride);
    _tile_stored(3, out + 48, stride);
  }
  void narrow(float* out, std::size_t stride) const {
    _tile_zero(0);
    _tile_zero(1);
    for (std::size_t s = 0; s < steps; ++s)
      step_narrow(left_at(s), left_stride, right + s * right_step, right_stride);
    _tile_stored(0, out, stride);
    _tile_stored(1, out + 16, stride);
  }
  const void* left_at(std::size_t s) const {
    return static_cast<const char*>(left) + s * left_step;
  }
};

}  // namespace
