#include <immintrin.h>

#include <utility>

#include "kernels/bit_packing_sets.h"

namespace narabi::kernels {
namespace {

constexpr int kGroups = 8;  // of four rows, 16 values

// Words `word` to `word` + 3 of the four lanes, as far as the block goes.
template <int Width, int Word>
inline __m512i words(const std::uint8_t* in) {
  constexpr int kLeft = Width - Word;
  if constexpr (kLeft >= 4) {
    return _mm512_loadu_si512(in + 16 * Word);
  } else {
    return _mm512_maskz_loadu_epi32(static_cast<__mmask16>((1u << (4 * kLeft)) - 1),
                                    in + 16 * Word);
  }
}

// Rows 4 Group to 4 Group + 3, which begin in four words of a lane: the word where each begins and
// the next one are brought to its place, and shifted.
template <int Width, int Group>
inline __m512i unpack_group(const std::uint8_t* in) {
  if constexpr (Width == 0) return _mm512_setzero_si512();
  constexpr int kBit = 4 * Group * Width, kWord = kBit / 32;
  constexpr int kFrom[4] = {0, (kBit + Width) / 32 - kWord, (kBit + 2 * Width) / 32 - kWord,
                            (kBit + 3 * Width) / 32 - kWord};
  constexpr int kPlaces = kFrom[0] | kFrom[1] << 2 | kFrom[2] << 4 | kFrom[3] << 6;
  constexpr int kShift[4] = {kBit % 32, (kBit + Width) % 32, (kBit + 2 * Width) % 32,
                             (kBit + 3 * Width) % 32};
  constexpr bool kCross = kShift[0] + Width > 32 || kShift[1] + Width > 32 ||
                          kShift[2] + Width > 32 || kShift[3] + Width > 32;
  const auto spread = [](int a, int b, int c, int d) {
    return _mm512_setr_epi32(a, a, a, a, b, b, b, b, c, c, c, c, d, d, d, d);
  };
  const __m512i shift = spread(kShift[0], kShift[1], kShift[2], kShift[3]);
  const __m512i mask = _mm512_set1_epi32(static_cast<int>((std::uint64_t{1} << Width) - 1));
  const __m512i here = words<Width, kWord>(in);
  const __m512i low = _mm512_srlv_epi32(_mm512_shuffle_i32x4(here, here, kPlaces), shift);
  if constexpr (kCross) {
    const __m512i next = words<Width, kWord + 1>(in);
    const __m512i high = _mm512_sllv_epi32(_mm512_shuffle_i32x4(next, next, kPlaces),
                                           _mm512_sub_epi32(_mm512_set1_epi32(32), shift));
    return _mm512_and_si512(_mm512_or_si512(low, high), mask);
  } else {
    return _mm512_and_si512(low, mask);
  }
}

template <int Width>
void plus_one_of(const std::uint8_t* in, std::uint32_t* values) {
  const __m512i one = _mm512_set1_epi32(1);
  [&]<int... Group>(std::integer_sequence<int, Group...>) {
    (_mm512_storeu_si512(values + 16 * Group,
                         _mm512_add_epi32(unpack_group<Width, Group>(in), one)),
     ...);
  }
  (std::make_integer_sequence<int, kGroups>{});
}

template <int Width>
void gaps_of(const std::uint8_t* in, std::uint32_t before, std::uint32_t* values) {
  const __m512i zero = _mm512_setzero_si512(), last = _mm512_set1_epi32(15);
  const __m512i ones = _mm512_setr_epi32(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
  __m512i carry = _mm512_set1_epi32(static_cast<int>(before));
  const auto sum = [&](__m512i v, std::uint32_t* out) {
    v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 15));
    v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 14));
    v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 12));
    v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 8));
    v = _mm512_add_epi32(_mm512_add_epi32(v, ones), carry);
    carry = _mm512_permutexvar_epi32(last, v);
    _mm512_storeu_si512(out, v);
  };
  [&]<int... Group>(std::integer_sequence<int, Group...>) {
    (sum(unpack_group<Width, Group>(in), values + 16 * Group), ...);
  }
  (std::make_integer_sequence<int, kGroups>{});
}

template <typename Widths>
struct Tables;
template <int... Width>
struct Tables<std::integer_sequence<int, Width...>> {
  static constexpr void (*kPlusOne[])(const std::uint8_t*,
                                      std::uint32_t*) = {&plus_one_of<Width>...};
  static constexpr void (*kGaps[])(const std::uint8_t*, std::uint32_t,
                                   std::uint32_t*) = {&gaps_of<Width>...};
};
using Table = Tables<std::make_integer_sequence<int, 33>>;

void plus_one(const std::uint8_t* in, int width, std::uint32_t* values) {
  Table::kPlusOne[width](in, values);
}

void gaps(const std::uint8_t* in, int width, std::uint32_t before, std::uint32_t* values) {
  Table::kGaps[width](in, before, values);
}

}  // namespace

const BlockUnpack kBlockUnpackAvx512 = {plus_one, gaps};

}  // namespace narabi::kernels
