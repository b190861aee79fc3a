// attention_bf16() with vdpbf16ps. Per head: keys in pairs of their elements and values in pairs of
// tokens, as the instruction wants them; then blocks of query rows: scores, softmax, values.
#include "kernels/attention_pairs.inc"

namespace {

inline void dot_bf16(__m512& sum, __m512i a, __m512i b) {
  asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
}

struct DotHead : Bf16Head {
  using Bf16Head::Bf16Head;

  // highest[r]: lane by lane.
  template <std::size_t rows>
  void score_tiles(std::size_t i, Range tiles, Vec (&highest)[rows]) const {
    for (std::size_t r = 0; r < rows; ++r) highest[r] = broadcast(kUnseen);
    for (std::size_t j = tiles.begin; j < tiles.end; j += kTile) {
      Vec sums[rows][2];
#pragma GCC unroll 12
      for (std::size_t r = 0; r < rows; ++r) sums[r][0] = sums[r][1] = zero();
      multiply<dot_bf16, rows>(sums, reinterpret_cast<const char*>(query + i * query_stride),
                               query_stride * sizeof(Bf16), keys + j, columns, size / 2);
      hide(sight, i, j, sums);
#pragma GCC unroll 12
      for (std::size_t r = 0; r < rows; ++r) {
        highest[r] = _mm512_max_ps(highest[r], _mm512_max_ps(sums[r][0], sums[r][1]));
        store(scores + r * columns + j, sums[r][0]);
        store(scores + r * columns + j + kLanes, sums[r][1]);
      }
    }
  }

  template <std::size_t rows>
  void attend_block(std::size_t i, Bf16* out, std::size_t out_stride) const {
    const Range tiles = sight.tiles_of(i, rows);
    Vec highest[rows];
    score_tiles<rows>(i, tiles, highest);
    float inverse[rows];
    for (std::size_t r = 0; r < rows; ++r)
      inverse[r] = 1.0f / softmax_row(scores + r * columns, tiles, highest[r]);
    const auto* probabilities = reinterpret_cast<const char*>(scores) + tiles.begin * sizeof(Bf16);
    for (std::size_t d = 0; d < size; d += kTile) {
      Vec sums[rows][2];
#pragma GCC unroll 12
      for (std::size_t r = 0; r < rows; ++r) sums[r][0] = sums[r][1] = zero();
      multiply<dot_bf16, rows>(sums, probabilities, columns * sizeof(float),
                               values + tiles.begin / 2 * size + d, size,
                               (tiles.end - tiles.begin) / 2);
#pragma GCC unroll 12
      for (std::size_t r = 0; r < rows; ++r) {
        const Vec scale = broadcast(inverse[r]);
        const __m512bh halves = _mm512_cvtne2ps_pbh(mul(sums[r][1], scale), mul(sums[r][0], scale));
        std::memcpy(out + (i + r) * out_stride + d, &halves, sizeof halves);
      }
    }
  }
};

}  // namespace

namespace narabi::kernels {

void attention_products_bf16(const AttentionBf16Args& args) {
  attend_heads<DotHead>(args);
}

}  // namespace narabi::kernels
