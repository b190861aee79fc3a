// attention_bf16() with vpdpwssd: for CPUs without products of bf16, and for Intel's cores, which
// take five times as long for those. Queries and keys are rounded to 12 bits, each token's of a
// head by a scale of its own, finer than bf16 but for elements that are small beside the token's
// largest; their sums are exact. Values have 16 bits and their token's scale s_j. A probability p_j
// meets s_j before it is rounded to a share of sum_j p_j s_j: shares add up to 32767, so no sum
// leaves 32 bits; each is off by half a share, .8% of the values at most where a row sees 512 keys.
// Nothing of a row depends on keys that it does not see.
#include "kernels/attention_pairs.inc"

namespace {

constexpr float kLargestFactor = 2047;  // of a query or key: kMostElements products fit 32 bits
constexpr float kLargestValue = 32767;
constexpr float kSmallest = 1e-20f;  // of a token's largest element, so that 0 has a scale

inline void dot_int16(__m512i& sum, __m512i a, __m512i b) {
  asm("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
}

// The largest |element| of `size` bf16, whose bits without the sign are in order.
inline float largest_of(const Bf16* row, std::size_t size) {
  __m512i bits = _mm512_setzero_si512();
  for (std::size_t d = 0; d < size; d += 32)
    bits = _mm512_max_epu16(
        bits, _mm512_and_si512(_mm512_loadu_si512(row + d), _mm512_set1_epi16(0x7FFF)));
  const __m256i half =
      _mm256_max_epu16(_mm512_castsi512_si256(bits), _mm512_extracti64x4_epi64(bits, 1));
  const __m128i quarter =
      _mm_max_epu16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
  const __m128i least = _mm_minpos_epu16(_mm_xor_si128(quarter, _mm_set1_epi16(-1)));
  const std::uint32_t found = 0xFFFFu & ~static_cast<std::uint32_t>(_mm_cvtsi128_si32(least));
  return _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(static_cast<int>(found << 16))));
}

// A token's elements are the integers of rounded() x `scale`.
struct Rounding {
  float scale, inverse;

  Rounding(const Bf16* row, std::size_t size, float largest_integer) {
    const float found = largest_of(row, size);
    const float largest = found < kSmallest ? kSmallest : found;  // not a number stays
    scale = largest / largest_integer;
    inverse = largest_integer / largest;
  }

  // 32 elements, in their order.
  __m512i rounded(const Bf16* row) const {
    const __m512i bits = _mm512_loadu_si512(row);
    const auto integers = [&](__m512i halves) {
      return _mm512_cvtps_epi32(mul(_mm512_castsi512_ps(halves), broadcast(inverse)));
    };
    const __m512i even = integers(_mm512_slli_epi32(bits, 16));
    const __m512i odd = integers(_mm512_and_si512(bits, _mm512_set1_epi32(-65536)));
    return _mm512_mask_blend_epi16(0xAAAAAAAAu, even, _mm512_slli_epi32(odd, 16));
  }
};

// Of the 32 tokens of a tile the one that stands first in pair `m` of 16: packs_epi32 brings four
// of the first sixteen and four of the others together.
inline std::size_t first_of_pair(std::size_t m) {
  const std::size_t lane = m / 4, within = m % 4;
  return within < 2 ? 4 * lane + 2 * within : 16 + 4 * lane + 2 * (within - 2);
}

struct Int16Head : PairedHead {
  float *key_scales, *value_scales;  // [columns]
  std::int32_t* queries;             // [kRows, size / 2] pairs

  explicit Int16Head(const AttentionBf16Args& args)
      : PairedHead(args),
        key_scales(scores + kRows * columns),
        value_scales(key_scales + columns),
        queries(reinterpret_cast<std::int32_t*>(value_scales + columns)) {}

  void pack_keys() const {
    for (std::size_t j = 0; j < columns; j += 16) {
      for (std::size_t d = 0; d < size; d += 32) {
        __m512i rows[16];
        for (std::size_t r = 0; r < 16; ++r) {
          rows[r] = _mm512_setzero_si512();
          if (d == 0) key_scales[j + r] = 1;
          if (j + r >= sight.tokens) continue;
          const Bf16* row = key + (j + r) * stride;
          const Rounding rounding(row, size, kLargestFactor);
          key_scales[j + r] = rounding.scale;
          rows[r] = rounding.rounded(row + d);
        }
        transpose(rows, keys + d / 2 * columns + j, columns);
      }
    }
  }

  void pack_values() const {
    for (std::size_t j = 0; j < columns; j += kTile) {
      for (std::size_t m = 0; m < kTile / 2; ++m) {
        const std::size_t t = j + first_of_pair(m);
        std::int32_t* to = values + (j / 2 + m) * size;
        const Rounding first = value_rounding(t), next = value_rounding(t + 1);
        for (std::size_t d = 0; d < size; d += 32) {
          const __m512i a = value_at(first, t, d), b = value_at(next, t + 1, d);
          _mm512_storeu_si512(to + d,
                              pairs_of(_mm512_castsi512_si256(a), _mm512_castsi512_si256(b)));
          _mm512_storeu_si512(to + d + 16, pairs_of(_mm512_extracti64x4_epi64(a, 1),
                                                    _mm512_extracti64x4_epi64(b, 1)));
        }
      }
    }
  }

  // Of a token, whose scale it stores; of none past the last.
  Rounding value_rounding(std::size_t t) const {
    const Rounding rounding(value + (t < sight.tokens ? t : 0) * stride, size, kLargestValue);
    value_scales[t] = t < sight.tokens ? rounding.scale : 0;
    return rounding;
  }
  __m512i value_at(const Rounding& rounding, std::size_t t, std::size_t d) const {
    return t < sight.tokens ? rounding.rounded(value + t * stride + d) : _mm512_setzero_si512();
  }

  // Sums times the key's scale. highest[r]: lane by lane.
  template <std::size_t rows>
  void score_tiles(std::size_t i, Range tiles, Vec (&highest)[rows]) const {
    for (std::size_t r = 0; r < rows; ++r) highest[r] = broadcast(kUnseen);
    for (std::size_t j = tiles.begin; j < tiles.end; j += kTile) {
      __m512i sums[rows][2];
#pragma GCC unroll 12
      for (std::size_t r = 0; r < rows; ++r) sums[r][0] = sums[r][1] = _mm512_setzero_si512();
      multiply<dot_int16, rows>(sums, reinterpret_cast<const char*>(queries), size * sizeof(Bf16),
                                keys + j, columns, size / 2);
      const Vec scale0 = load(key_scales + j), scale1 = load(key_scales + j + kLanes);
      Vec found[rows][2];
#pragma GCC unroll 12
      for (std::size_t r = 0; r < rows; ++r) {
        found[r][0] = mul(_mm512_cvtepi32_ps(sums[r][0]), scale0);
        found[r][1] = mul(_mm512_cvtepi32_ps(sums[r][1]), scale1);
      }
      hide(sight, i, j, found);
#pragma GCC unroll 12
      for (std::size_t r = 0; r < rows; ++r) {
        highest[r] = _mm512_max_ps(highest[r], _mm512_max_ps(found[r][0], found[r][1]));
        store(scores + r * columns + j, found[r][0]);
        store(scores + r * columns + j + kLanes, found[r][1]);
      }
    }
  }

  // Scores of a row, each `by` of an exponent of 2 -> shares in the same place, 0 for kUnseen. What
  // a sum of shares x values is to be multiplied with.
  float softmax_row(float* row, Range tiles, Vec highest, float by) const {
    const Vec factors = broadcast(by), shift = broadcast(-largest(highest) * by);
    Vec total = zero(), weighed = zero();
    for (std::size_t j = tiles.begin; j < tiles.end; j += kLanes) {
      const Vec e = power_of_two(fma(load(row + j), factors, shift));
      const Vec w = mul(e, load(value_scales + j));
      total = add(total, e);
      weighed = add(weighed, w);
      store(row + j, w);
    }
    const float whole = sum(weighed);
    const Vec share = broadcast(kLargestValue / whole);
    auto* out = reinterpret_cast<std::int16_t*>(row);
    for (std::size_t j = tiles.begin; j < tiles.end; j += kTile) {
      const __m512i low = _mm512_cvtps_epi32(mul(load(row + j), share));
      const __m512i high = _mm512_cvtps_epi32(mul(load(row + j + kLanes), share));
      _mm512_storeu_si512(out + j, _mm512_packs_epi32(low, high));
    }
    return whole / (kLargestValue * sum(total));
  }

  template <std::size_t rows>
  void attend_block(std::size_t i, Bf16* out, std::size_t out_stride) const {
    const Range tiles = sight.tiles_of(i, rows);
    float by[rows], scale[rows];
    for (std::size_t r = 0; r < rows; ++r) {
      const Bf16* row = query + (i + r) * query_stride;
      const Rounding rounding(row, size, kLargestFactor);
      by[r] = factor * rounding.scale;
      for (std::size_t d = 0; d < size; d += 32)
        _mm512_storeu_si512(queries + r * size / 2 + d / 2, rounding.rounded(row + d));
    }
    Vec highest[rows];
    score_tiles<rows>(i, tiles, highest);
    for (std::size_t r = 0; r < rows; ++r)
      scale[r] = softmax_row(scores + r * columns, tiles, highest[r], by[r]);
    const auto* shares = reinterpret_cast<const char*>(scores) + tiles.begin * sizeof(Bf16);
    for (std::size_t d = 0; d < size; d += kTile) {
      __m512i sums[rows][2];
#pragma GCC unroll 12
      for (std::size_t r = 0; r < rows; ++r) sums[r][0] = sums[r][1] = _mm512_setzero_si512();
      multiply<dot_int16, rows>(sums, shares, columns * sizeof(float),
                                values + tiles.begin / 2 * size + d, size,
                                (tiles.end - tiles.begin) / 2);
#pragma GCC unroll 12
      for (std::size_t r = 0; r < rows; ++r) {
        const Vec by = broadcast(scale[r]);
        Bf16* to = out + (i + r) * out_stride + d;
        store_bf16(to, mul(_mm512_cvtepi32_ps(sums[r][0]), by));
        store_bf16(to + kLanes, mul(_mm512_cvtepi32_ps(sums[r][1]), by));
      }
    }
  }
};

}  // namespace

namespace narabi::kernels {

void attention_products_int16(const AttentionBf16Args& args) {
  attend_heads<Int16Head>(args);
}

}  // namespace narabi::kernels
