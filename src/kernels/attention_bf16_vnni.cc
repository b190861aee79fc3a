// attention_bf16() with vdpbf16ps. Per head: keys in pairs of their elements and values in pairs of
// tokens, as the instruction wants them; then blocks of query rows: scores, softmax, values.
#include <cstring>

#include "kernels/attention_sets.h"
#include "kernels/vec.h"

namespace {

using narabi::kernels::AttentionBf16Args;
using narabi::kernels::Bf16;

constexpr std::size_t kTile = 32;  // keys, or elements of a head: two vectors
constexpr std::size_t kRows = 12;
constexpr float kUnseen = -1e30f;  // a score whose power of two is 0

struct Head {
  const Bf16 *query, *key, *value;  // of this head, token 0
  std::size_t query_stride, stride, tokens, size, columns, window;
  float factor;          // scale / ln 2: probabilities are powers of 2
  std::int32_t* keys;    // [size / 2, columns] pairs
  std::int32_t* values;  // [columns / 2, size] pairs
  float* scores;         // [kRows, columns]; probabilities in place, as bf16
};

struct Range {
  std::size_t begin, end;
};

inline Range range_of(const Head& head, std::size_t i, std::size_t rows) {
  if (head.window == 0) return {0, head.tokens};
  const std::size_t begin = i > head.window ? i - head.window : 0;
  const std::size_t end = i + rows + head.window;
  return {begin, end < head.tokens ? end : head.tokens};
}

// Whole tiles around a range: what a block computes.
inline Range tiles_of(Range range) {
  return {range.begin / kTile * kTile, (range.end + kTile - 1) / kTile * kTile};
}

// 16 x 16 transpose of 32-bit values: to[d * columns + j] = from[j][d].
inline void transpose(const __m512i* from, std::int32_t* to, std::size_t columns) {
  __m512i a[16], b[16];
  for (int i = 0; i < 8; ++i) {
    a[2 * i] = _mm512_unpacklo_epi32(from[2 * i], from[2 * i + 1]);
    a[2 * i + 1] = _mm512_unpackhi_epi32(from[2 * i], from[2 * i + 1]);
  }
  for (int i = 0; i < 4; ++i) {
    b[4 * i] = _mm512_unpacklo_epi64(a[4 * i], a[4 * i + 2]);
    b[4 * i + 1] = _mm512_unpackhi_epi64(a[4 * i], a[4 * i + 2]);
    b[4 * i + 2] = _mm512_unpacklo_epi64(a[4 * i + 1], a[4 * i + 3]);
    b[4 * i + 3] = _mm512_unpackhi_epi64(a[4 * i + 1], a[4 * i + 3]);
  }
  // b[4 g + c]: rows 4 g .. 4 g + 3 of columns c, c + 4, c + 8, c + 12, a 128-bit lane each.
  for (int c = 0; c < 4; ++c) {
    const __m512i low0 = _mm512_shuffle_i32x4(b[c], b[4 + c], 0x88);
    const __m512i low1 = _mm512_shuffle_i32x4(b[c], b[4 + c], 0xDD);
    const __m512i high0 = _mm512_shuffle_i32x4(b[8 + c], b[12 + c], 0x88);
    const __m512i high1 = _mm512_shuffle_i32x4(b[8 + c], b[12 + c], 0xDD);
    const auto put = [&](std::size_t d, __m512i v) { _mm512_storeu_si512(to + d * columns, v); };
    const auto column = static_cast<std::size_t>(c);
    put(column, _mm512_shuffle_i32x4(low0, high0, 0x88));
    put(column + 8, _mm512_shuffle_i32x4(low0, high0, 0xDD));
    put(column + 4, _mm512_shuffle_i32x4(low1, high1, 0x88));
    put(column + 12, _mm512_shuffle_i32x4(low1, high1, 0xDD));
  }
}

void pack_keys(const Head& head) {
  for (std::size_t j = 0; j < head.columns; j += 16) {
    for (std::size_t d = 0; d < head.size / 2; d += 16) {
      __m512i rows[16];
      for (std::size_t r = 0; r < 16; ++r) {
        rows[r] = j + r < head.tokens ? _mm512_loadu_si512(head.key + (j + r) * head.stride + 2 * d)
                                      : _mm512_setzero_si512();
      }
      transpose(rows, head.keys + d * head.columns + j, head.columns);
    }
  }
}

void pack_values(const Head& head) {
  for (std::size_t j = 0; j < head.columns; j += 2) {
    const auto row = [&](std::size_t t, std::size_t d) {
      if (t >= head.tokens) return _mm512_setzero_si512();
      return _mm512_cvtepu16_epi32(
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(head.value + t * head.stride + d)));
    };
    for (std::size_t d = 0; d < head.size; d += 16) {
      const __m512i pair = _mm512_or_si512(row(j, d), _mm512_slli_epi32(row(j + 1, d), 16));
      _mm512_storeu_si512(head.values + j / 2 * head.size + d, pair);
    }
  }
}

inline __m512i pair_at(const void* p) {
  std::int32_t value;
  std::memcpy(&value, p, sizeof value);
  return _mm512_set1_epi32(value);
}

inline void dot(__m512& sum, __m512i a, __m512i b) {
  asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
}

// sums[r] += sum over `pairs` of left[r][p] x right[p][two vectors]
template <std::size_t rows>
inline __attribute__((always_inline)) void multiply(__m512 (&sums)[rows][2], const char* left,
                                                    std::size_t left_stride,
                                                    const std::int32_t* right,
                                                    std::size_t right_stride, std::size_t pairs) {
  constexpr std::size_t kPointers = (rows + 2) / 3;
  const char* base[kPointers];
  for (std::size_t i = 0; i < kPointers; ++i) base[i] = left + 3 * i * left_stride;
  const std::size_t twice = 2 * left_stride;
  for (std::size_t p = 0; p < pairs; p += 2) {
#pragma GCC unroll 2
    for (std::size_t u = 0; u < 2; ++u) {
      const __m512i b0 = _mm512_loadu_si512(right), b1 = _mm512_loadu_si512(right + 16);
      right += right_stride;
#pragma GCC unroll 12
      for (std::size_t r = 0; r < rows; ++r) {
        const std::size_t within = r % 3 == 0 ? 0 : r % 3 == 1 ? left_stride : twice;
        const __m512i a = pair_at(base[r / 3] + within + 4 * u);
        dot(sums[r][0], a, b0);
        dot(sums[r][1], a, b1);
      }
    }
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kPointers; ++i) base[i] += 8;
  }
}

// Keys that every one of `rows` rows sees.
inline Range seen_by_all(const Head& head, std::size_t i, std::size_t rows) {
  return {range_of(head, i + rows - 1, 1).begin, range_of(head, i, 1).end};
}

// Lanes j .. j + 15 that lie in `seen`.
inline __mmask16 lanes_in(Range seen, std::size_t j) {
  const std::size_t skip = seen.begin > j ? seen.begin - j : 0;
  const std::size_t end = seen.end > j ? seen.end - j : 0;
  const std::uint32_t until = end >= 16 ? 0xFFFFu : (1u << end) - 1u;
  const std::uint32_t before = skip >= 16 ? 0xFFFFu : (1u << skip) - 1u;
  return static_cast<__mmask16>(until & ~before);
}

// Scores of the block's rows for the keys of `tiles`, kUnseen for those that a row does not see;
// highest[r]: lane by lane.
template <std::size_t rows>
void score_tiles(const Head& head, std::size_t i, Range tiles, Vec (&highest)[rows]) {
  const Range all = seen_by_all(head, i, rows);
  for (std::size_t r = 0; r < rows; ++r) highest[r] = broadcast(kUnseen);
  for (std::size_t j = tiles.begin; j < tiles.end; j += kTile) {
    __m512 sums[rows][2];
#pragma GCC unroll 12
    for (std::size_t r = 0; r < rows; ++r) sums[r][0] = sums[r][1] = zero();
    multiply<rows>(sums, reinterpret_cast<const char*>(head.query + i * head.query_stride),
                   head.query_stride * sizeof(Bf16), head.keys + j, head.columns, head.size / 2);
    if (j < all.begin || j + kTile > all.end) {
#pragma GCC unroll 12
      for (std::size_t r = 0; r < rows; ++r) {
        const Range seen = range_of(head, i + r, 1);
        const Vec unseen = broadcast(kUnseen);
        sums[r][0] = _mm512_mask_mov_ps(unseen, lanes_in(seen, j), sums[r][0]);
        sums[r][1] = _mm512_mask_mov_ps(unseen, lanes_in(seen, j + kLanes), sums[r][1]);
      }
    }
#pragma GCC unroll 12
    for (std::size_t r = 0; r < rows; ++r) {
      highest[r] = _mm512_max_ps(highest[r], _mm512_max_ps(sums[r][0], sums[r][1]));
      store(head.scores + r * head.columns + j, sums[r][0]);
      store(head.scores + r * head.columns + j + kLanes, sums[r][1]);
    }
  }
}

// 2^x for x <= 0, relative error 5e-5, which is far below the rounding to bf16.
inline Vec power_of_two(Vec x) {
  const Vec n = round(x), f = sub(x, n);
  Vec p = broadcast(0.0096181291f);
  p = fma(p, f, broadcast(0.0555041087f));
  p = fma(p, f, broadcast(0.240226507f));
  p = fma(p, f, broadcast(0.693147181f));
  p = fma(p, f, broadcast(1.0f));
  return _mm512_scalef_ps(p, n);
}

// Scores of a row -> bf16 probabilities in the same place, 0 for kUnseen; their sum.
float softmax_row(const Head& head, float* scores, Range tiles, Vec highest) {
  const Vec factor = broadcast(head.factor), shift = broadcast(-largest(highest) * head.factor);
  Vec total = zero();
  auto* out = reinterpret_cast<Bf16*>(scores);
  for (std::size_t j = tiles.begin; j < tiles.end; j += kTile) {
    const Vec e0 = power_of_two(fma(load(scores + j), factor, shift));
    const Vec e1 = power_of_two(fma(load(scores + j + kLanes), factor, shift));
    total = add(total, add(e0, e1));
    const __m512bh halves = _mm512_cvtne2ps_pbh(e1, e0);
    std::memcpy(out + j, &halves, sizeof halves);
  }
  return sum(total);
}

template <std::size_t rows>
void attend_block(const Head& head, std::size_t i, Bf16* out, std::size_t out_stride) {
  const Range tiles = tiles_of(range_of(head, i, rows));
  Vec highest[rows];
  score_tiles<rows>(head, i, tiles, highest);
  float inverse[rows];
  for (std::size_t r = 0; r < rows; ++r)
    inverse[r] = 1.0f / softmax_row(head, head.scores + r * head.columns, tiles, highest[r]);
  const auto* probabilities =
      reinterpret_cast<const char*>(head.scores) + tiles.begin * sizeof(Bf16);
  for (std::size_t d = 0; d < head.size; d += kTile) {
    __m512 sums[rows][2];
#pragma GCC unroll 12
    for (std::size_t r = 0; r < rows; ++r) sums[r][0] = sums[r][1] = zero();
    multiply<rows>(sums, probabilities, head.columns * sizeof(float),
                   head.values + tiles.begin / 2 * head.size + d, head.size,
                   (tiles.end - tiles.begin) / 2);
#pragma GCC unroll 12
    for (std::size_t r = 0; r < rows; ++r) {
      const Vec scale = broadcast(inverse[r]);
      const __m512bh halves = _mm512_cvtne2ps_pbh(mul(sums[r][1], scale), mul(sums[r][0], scale));
      std::memcpy(out + (i + r) * out_stride + d, &halves, sizeof halves);
    }
  }
}

}  // namespace

namespace narabi::kernels {

void attention_bf16_vnni(const AttentionBf16Args& args) {
  Head head{};
  head.query_stride = args.query_stride;
  head.stride = args.stride;
  head.tokens = args.tokens;
  head.size = args.size;
  head.columns = (args.tokens + kTile - 1) / kTile * kTile;
  head.window = args.window;
  head.factor = args.scale * 1.44269504f;
  head.keys = reinterpret_cast<std::int32_t*>(args.scratch);
  head.values = head.keys + head.columns * head.size / 2;
  head.scores = args.scratch + head.columns * head.size;
  for (std::size_t h = 0; h < args.heads; ++h) {
    head.query = args.query + h * args.size;
    head.key = args.key + h * args.size;
    head.value = args.value + h * args.size;
    Bf16* out = args.output + h * args.size;
    pack_keys(head);
    pack_values(head);
    std::size_t i = 0;
    for (; i + kRows <= args.queries; i += kRows)
      attend_block<kRows>(head, i, out, args.output_stride);
    for (; i + 4 <= args.queries; i += 4) attend_block<4>(head, i, out, args.output_stride);
    for (; i < args.queries; ++i) attend_block<1>(head, i, out, args.output_stride);
  }
}

}  // namespace narabi::kernels
