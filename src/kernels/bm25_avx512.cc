#include <immintrin.h>

#include "kernels/bm25_sets.h"

namespace narabi::kernels {
namespace {

constexpr std::size_t kLanes = 16;

void add(const Bm25Postings& postings, std::uint32_t* scores) {
  const __m512i base = _mm512_set1_epi32(static_cast<int>(postings.base)),
                size = _mm512_set1_epi32(static_cast<int>(postings.size)),
                positive = _mm512_set1_epi32(0x7FFFFFFF), zero = _mm512_setzero_si512();
  const __m512 gain = _mm512_set1_ps(postings.impact.gain),
               flat = _mm512_set1_ps(postings.impact.flat),
               per_term = _mm512_set1_ps(postings.impact.per_term),
               weight = _mm512_set1_ps(postings.weight), half = _mm512_set1_ps(0.5f);
  for (std::size_t i = 0; i < postings.count; i += kLanes) {
    const std::size_t left = postings.count - i;
    const auto read = static_cast<__mmask16>(left < kLanes ? (1u << left) - 1 : 0xFFFFu);
    const __m512i at =
        _mm512_sub_epi32(_mm512_maskz_loadu_epi32(read, postings.documents + i), base);
    const __mmask16 in = _mm512_mask_cmplt_epu32_mask(read, at, size);
    if (in == 0) continue;
    // The 32 bits that end with a length.
    const __m512i lengths =
        _mm512_srli_epi32(_mm512_mask_i32gather_epi32(zero, in, at, postings.lengths - 1, 2), 16);
    const __m512 tf = _mm512_cvtepi32_ps(
        _mm512_and_si512(_mm512_maskz_loadu_epi32(in, postings.frequencies + i), positive));
    const __m512 norm = _mm512_add_ps(flat, _mm512_mul_ps(per_term, _mm512_cvtepi32_ps(lengths)));
    const __m512 impact = _mm512_div_ps(_mm512_mul_ps(tf, gain), _mm512_add_ps(tf, norm));
    const __m512i points = _mm512_cvttps_epi32(_mm512_add_ps(_mm512_mul_ps(impact, weight), half));
    const __m512i before = _mm512_mask_i32gather_epi32(zero, in, at, scores, 4);
    _mm512_mask_i32scatter_epi32(scores, in, at, _mm512_add_epi32(before, points), 4);
  }
}

std::size_t count(const std::uint32_t* scores, std::size_t size, std::uint32_t least) {
  const __m512i bound = _mm512_set1_epi32(static_cast<int>(least));
  std::size_t found = 0;
  for (std::size_t i = 0; i < size; i += kLanes) {
    const __mmask16 in = _mm512_cmpge_epu32_mask(_mm512_loadu_si512(scores + i), bound);
    found += static_cast<std::size_t>(__builtin_popcount(in));
  }
  return found;
}

std::size_t take(std::uint32_t* scores, std::size_t size, std::uint32_t least,
                 std::uint32_t* positions, std::uint32_t* values) {
  const __m512i bound = _mm512_set1_epi32(static_cast<int>(least)), zero = _mm512_setzero_si512();
  const __m512i places = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  std::size_t taken = 0;
  for (std::size_t i = 0; i < size; i += kLanes) {
    const __m512i found = _mm512_loadu_si512(scores + i);
    _mm512_storeu_si512(scores + i, zero);
    const __mmask16 in = _mm512_cmpge_epu32_mask(found, bound);
    if (in == 0) continue;
    const auto n = static_cast<std::size_t>(__builtin_popcount(in));
    const auto out = static_cast<__mmask16>((1u << n) - 1);
    const __m512i at = _mm512_add_epi32(places, _mm512_set1_epi32(static_cast<int>(i)));
    _mm512_mask_storeu_epi32(positions + taken, out, _mm512_maskz_compress_epi32(in, at));
    _mm512_mask_storeu_epi32(values + taken, out, _mm512_maskz_compress_epi32(in, found));
    taken += n;
  }
  return taken;
}

}  // namespace

const Bm25 kBm25Avx512 = {add, count, take};

}  // namespace narabi::kernels
