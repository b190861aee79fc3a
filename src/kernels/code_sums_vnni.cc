#include <immintrin.h>

#include "kernels/code_sums_sets.h"

namespace narabi::kernels {
namespace {

constexpr int kAhead = 4096;  // bytes

}  // namespace

// A table is four registers; two permutations look up the lower and the upper half of it for 64
// codes, and a code's highest bit chooses. Sums of even and odd vectors are kept apart until the
// end.
__attribute__((target("avx512vbmi"))) void code_sums_vbmi(const std::uint8_t* codes,
                                                          std::size_t blocks, std::size_t parts,
                                                          const std::uint8_t* tables,
                                                          std::uint16_t* sums) {
  const __m512i low_bytes = _mm512_set1_epi16(0xFF);
  for (; blocks > 0; --blocks, sums += 64) {
    __m512i even = _mm512_setzero_si512(), odd = even;
    const std::uint8_t* table = tables;
    for (std::size_t part = 0; part < parts; ++part, codes += 64, table += 256) {
      // Lists are read from memory, each for a few microseconds: too short for the processor's own
      // prefetching to get going.
      _mm_prefetch(reinterpret_cast<const char*>(codes) + kAhead, _MM_HINT_T0);
      const __m512i code = _mm512_loadu_si512(codes);
      const __m512i lower =
          _mm512_permutex2var_epi8(_mm512_loadu_si512(table), code, _mm512_loadu_si512(table + 64));
      const __m512i upper = _mm512_permutex2var_epi8(_mm512_loadu_si512(table + 128), code,
                                                     _mm512_loadu_si512(table + 192));
      const __m512i value = _mm512_mask_mov_epi8(lower, _mm512_movepi8_mask(code), upper);
      even = _mm512_add_epi16(even, _mm512_and_si512(value, low_bytes));
      odd = _mm512_add_epi16(odd, _mm512_srli_epi16(value, 8));
    }
    // unpack works within 128 bits: put the quarters of both results in their places.
    const __m512i first = _mm512_unpacklo_epi16(even, odd),
                  second = _mm512_unpackhi_epi16(even, odd);
    const __m512i lower_places = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11),
                  upper_places = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    _mm512_storeu_si512(sums, _mm512_permutex2var_epi64(first, lower_places, second));
    _mm512_storeu_si512(sums + 32, _mm512_permutex2var_epi64(first, upper_places, second));
  }
}

}  // namespace narabi::kernels
