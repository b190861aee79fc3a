// attention_bf16() with AMX's tiles: as attention_bf16.cc, with 16 query rows x 64 keys (and then
// 64 elements) at a time.
#include "kernels/attention_pairs.inc"
#include "kernels/tile_product.h"

namespace {

struct TileHead : Bf16Head {
  std::size_t height;  // of a block: rows of queries

  explicit TileHead(const AttentionBf16Args& args)
      : Bf16Head(args), height(args.queries < kTileHeight ? args.queries : kTileHeight) {}

  void score_tiles(std::size_t i, Range tiles) const {
    const TileProduct product{query + i * query_stride,
                              query_stride * sizeof(Bf16),
                              kTileStep * sizeof(Bf16),
                              keys + tiles.begin,
                              columns * 4,
                              kTileStep / 2 * columns,
                              size / kTileStep};
    product.into(scores + tiles.begin, columns * 4, tiles.end - tiles.begin);
  }

  // The highest score of a row, lane by lane; kUnseen comes where it does not see a key. `all`:
  // what every row of the block sees.
  Vec hide_row(float* row, Range tiles, Range all, Range seen) const {
    Vec highest = broadcast(kUnseen);
    for (std::size_t j = tiles.begin; j < tiles.end; j += kTile) {
      Vec a = load(row + j), b = load(row + j + kLanes);
      if (j < all.begin || j + kTile > all.end) {
        a = _mm512_mask_mov_ps(broadcast(kUnseen), lanes_in(seen, j), a);
        b = _mm512_mask_mov_ps(broadcast(kUnseen), lanes_in(seen, j + kLanes), b);
        store(row + j, a);
        store(row + j + kLanes, b);
      }
      highest = _mm512_max_ps(highest, _mm512_max_ps(a, b));
    }
    return highest;
  }

  void attend_block(std::size_t i, Bf16* out, std::size_t out_stride) const {
    const Range tiles = sight.tiles_of(i, height), all = sight.seen_by_all(i, height);
    score_tiles(i, tiles);
    float inverse[kTileHeight];
    for (std::size_t r = 0; r < height; ++r) {
      float* row = scores + r * columns;
      const Vec highest = hide_row(row, tiles, all, sight.range_of(i + r, 1));
      inverse[r] = 1.0f / softmax_row(row, tiles, highest);
    }
    tiles_see_memory();
    alignas(64) float found[kTileHeight * 64];
    TileProduct product{reinterpret_cast<const Bf16*>(scores) + tiles.begin,
                        columns * sizeof(float),
                        kTileStep * sizeof(Bf16),
                        values,
                        size * 4,
                        kTileStep / 2 * size,
                        (tiles.end - tiles.begin) / kTileStep};
    for (std::size_t d = 0; d < size;) {
      const std::size_t wide = size - d >= 64 ? 64 : 32;
      product.right = values + tiles.begin / 2 * size + d;
      product.into(found, 64 * sizeof(float), wide);
      for (std::size_t r = 0; r < height; ++r) {
        const Vec scale = broadcast(inverse[r]);
        for (std::size_t c = 0; c < wide; c += kTile) {
          const float* from = found + r * 64 + c;
          const __m512bh halves =
              _mm512_cvtne2ps_pbh(mul(load(from + kLanes), scale), mul(load(from), scale));
          std::memcpy(out + (i + r) * out_stride + d + c, &halves, sizeof halves);
        }
      }
      d += wide;
    }
  }
};

}  // namespace

namespace narabi::kernels {

void attention_tiles(const AttentionBf16Args& args) {
  if (args.queries == 0) return;
  TileHead head(args);
  const Tiles tiles(head.height);
  for (std::size_t h = 0; h < args.heads; ++h) {
    head.pack_keys();
    head.pack_values();
    tiles_see_memory();
    Bf16* out = args.output + h * args.size;
    // The last block ends with the last row; rows that it shares with the one before come out the
    // same.
    for (std::size_t i = 0; i < args.queries; i += head.height) {
      const std::size_t last = args.queries - head.height;
      head.attend_block(i < last ? i : last, out, args.output_stride);
    }
    head.query += args.size;
    head.key += args.size;
    head.value += args.size;
  }
}

}  // namespace narabi::kernels
