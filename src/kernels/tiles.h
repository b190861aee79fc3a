// The tiles of AMX while an object lives; for the *_amx.cc files alone. A tile has at most 16 rows
// of 64 bytes. Use of the intrinsics: a tile's number is a literal, and memory that a tile reads
// has to be written before a Tiles, or before tiles_see_memory().
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace {

constexpr std::size_t kTileHeight = 16;

// gcc 12 and 13 do not know that a tile's load reads memory: ordinary stores before this stay
// before it.
inline void tiles_see_memory() {
  asm volatile("" ::: "memory");
}

// All eight tiles with `rows` (1 to 16) rows of 64 bytes.
class Tiles {
 public:
  explicit Tiles(std::size_t rows) {
    for (std::size_t t = 0; t < 8; ++t) {
      // Tiles 6 and 7 hold the right side: 16 groups of inputs.
      shapes_.rows[t] = static_cast<std::uint8_t>(t < 6 ? rows : 16);
      shapes_.bytes[t] = 64;
    }
    tiles_see_memory();
    _tile_loadconfig(&shapes_);
  }
  ~Tiles() { _tile_release(); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

 private:
  struct alignas(64) Shapes {  // as LDTILECFG wants it, palette 1
    std::uint8_t palette = 1, start_row = 0;
    std::uint8_t reserved[14] = {};
    std::uint16_t bytes[16] = {};
    std::uint8_t rows[16] = {};
  } shapes_;
};

}  // namespace
