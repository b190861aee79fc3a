#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "train/attention_core.h"
#include "train/attention_products.h"

namespace narabi::train {
namespace {

// sums[i][j] = row i of A times 16 columns of B, B: [pairs, width] pairs
template <int kRows, int kVectors>
void tile(Left a, const Pair* b, std::int64_t width, std::int64_t pairs, float* c,
          std::int64_t c_row) {
  __m512 sums[kRows][kVectors];
  for (auto& row : sums)
    for (auto& sum : row) sum = _mm512_setzero_ps();
  for (std::int64_t p = 0; p < pairs; ++p, b += width) {
    __m512bh columns[kVectors];
    for (int j = 0; j < kVectors; ++j)
      columns[j] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b + 16 * j));
    for (int i = 0; i < kRows; ++i) {
      const auto pair = reinterpret_cast<__m512bh>(
          _mm512_set1_epi32(static_cast<int>(a.at[i * a.row + p * a.step])));
      for (int j = 0; j < kVectors; ++j)
        sums[i][j] = _mm512_dpbf16_ps(sums[i][j], pair, columns[j]);
    }
  }
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kVectors; ++j) _mm512_storeu_ps(c + i * c_row + 16 * j, sums[i][j]);
}

template <int kVectors>
void column_of_tiles(std::int64_t rows, Left a, const Pair* b, std::int64_t width,
                     std::int64_t pairs, float* c, std::int64_t c_row) {
  constexpr int kRows = 6;  // 24 sums, 4 columns and a pair: 29 of 32 registers
  for (; rows >= kRows; rows -= kRows, a.at += kRows * a.row, c += kRows * c_row)
    tile<kRows, kVectors>(a, b, width, pairs, c, c_row);
  for (; rows > 0; --rows, a.at += a.row, c += c_row)
    tile<1, kVectors>(a, b, width, pairs, c, c_row);
}

// C = A B in f32: [rows, width], width a multiple of 16.
void multiply(std::int64_t rows, Left a, const Pair* b, std::int64_t width, std::int64_t pairs,
              float* c) {
  if (multiplies_in_tiles()) return multiply_tiles(rows, a, b, width, pairs, c);
  std::int64_t at = 0;
  for (; at + 64 <= width; at += 64)
    column_of_tiles<4>(rows, a, b + at, width, pairs, c + at, width);
  if (width - at >= 32) {
    column_of_tiles<2>(rows, a, b + at, width, pairs, c + at, width);
    at += 32;
  }
  if (at < width) column_of_tiles<1>(rows, a, b + at, width, pairs, c + at, width);
}

// [rows, columns] -> [pairs, columns] of two rows each; zeros below the last row.
void pair_rows(const Bf16* from, std::int64_t stride, std::int64_t rows, std::int64_t columns,
               std::int64_t pairs, Pair* to) {
  const auto sixteen = [](const Bf16* at) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
  };
  for (std::int64_t p = 0; p < pairs; ++p) {
    const Bf16* row = from + 2 * p * stride;
    for (std::int64_t c = 0; c < columns; c += 16) {
      const __m512i zero = _mm512_setzero_si512();
      const __m512i low = 2 * p < rows ? sixteen(row + c) : zero;
      const __m512i high = 2 * p + 1 < rows ? sixteen(row + stride + c) : zero;
      _mm512_storeu_si512(to + p * columns + c, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
    }
  }
}

// [rows, columns] -> [columns / 2, width]: pairs of neighbours in a row, transposed; zeros right of
// the last row.
void pair_columns(const Bf16* from, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                  std::int64_t width, Pair* to) {
  const __m512i lane =
      _mm512_mullo_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                         _mm512_set1_epi32(static_cast<int>(2 * stride)));
  for (std::int64_t r = 0; r < width; r += 16) {
    const auto inside =
        static_cast<__mmask16>((1u << std::clamp<std::int64_t>(rows - r, 0, 16)) - 1);
    for (std::int64_t p = 0; p < columns / 2; ++p) {
      const __m512i pairs = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), inside, lane,
                                                        from + r * stride + 2 * p, 1);
      _mm512_storeu_si512(to + p * width + r, pairs);
    }
  }
}

__m512 widen(const Bf16* at) {
  const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

void narrow(Bf16* at, __m512 x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(at),
                      reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
}

// e^x for x <= 0: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2], 2 ulp.
__m512 exponential(__m512 x) {
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 0);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693145752f), x);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(1.42860677e-6f), r);
  __m512 y = _mm512_set1_ps(1.0f / 720);
  for (const float c : {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f})
    y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(c));
  return _mm512_scalef_ps(y, n);
}

// Rows as they are, or turned.
const Bf16* turned(const HeadView& head, const Bf16* from, Bf16* to, std::int64_t& stride) {
  stride = head.stride;
  if (head.cosine == nullptr) return from;
  const std::int64_t half = head.size / 2;
  for (std::int64_t t = 0; t < head.length; ++t) {
    for (std::int64_t i = 0; i < half; i += 16) {
      const __m512 c = _mm512_loadu_ps(head.cosine + t * half + i),
                   s = _mm512_loadu_ps(head.sine + t * half + i);
      const __m512 a = widen(from + t * stride + i), b = widen(from + t * stride + half + i);
      Bf16* out = to + t * head.size + i;
      narrow(out, _mm512_fmsub_ps(a, c, _mm512_mul_ps(b, s)));
      narrow(out + half, _mm512_fmadd_ps(b, c, _mm512_mul_ps(a, s)));
    }
  }
  stride = head.size;
  return to;
}

// The gradient of `turned`: turned back, rounded to bf16.
void turn_back(const HeadView& head, const float* from, Bf16* to) {
  const std::int64_t half = head.size / 2;
  for (std::int64_t t = 0; t < head.length; ++t) {
    const float* row = from + t * head.size;
    Bf16* out = to + t * head.stride;
    for (std::int64_t i = 0; i < half; i += 16) {
      const __m512 a = _mm512_loadu_ps(row + i), b = _mm512_loadu_ps(row + half + i);
      const __m512 c = _mm512_loadu_ps(head.cosine + t * half + i),
                   s = _mm512_loadu_ps(head.sine + t * half + i);
      narrow(out + i, _mm512_fmadd_ps(a, c, _mm512_mul_ps(b, s)));
      narrow(out + half + i, _mm512_fmsub_ps(b, c, _mm512_mul_ps(a, s)));
    }
  }
}

void narrow_rows(const HeadView& head, const float* from, Bf16* to, std::int64_t stride) {
  for (std::int64_t t = 0; t < head.length; ++t)
    for (std::int64_t i = 0; i < head.size; i += 16)
      narrow(to + t * stride + i, _mm512_loadu_ps(from + t * head.size + i));
}

// Which of the 16 columns from `column` on a row may see.
__mmask16 seen(const HeadView& head, std::int64_t row, std::int64_t column) {
  std::int64_t first = 0, last = head.length - 1;
  if (head.window >= 0) {
    first = std::max(first, row - head.window);
    last = std::min(last, row + head.window);
  }
  const auto below = [](std::int64_t n) {  // the first n bits
    return static_cast<unsigned>((1u << std::clamp<std::int64_t>(n, 0, 16)) - 1);
  };
  return static_cast<__mmask16>(below(last + 1 - column) & ~below(first - column));
}

// probabilities = softmax(scores * scale) over what a row may see, zeros elsewhere
void softmax(const HeadView& head, float* scores, std::int64_t width, Bf16* probabilities) {
  const __m512 scale = _mm512_set1_ps(1 / std::sqrt(static_cast<float>(head.size)));
  for (std::int64_t t = 0; t < head.length; ++t, scores += width, probabilities += width) {
    __m512 largest = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
    for (std::int64_t c = 0; c < width; c += 16)
      largest = _mm512_mask_max_ps(largest, seen(head, t, c), largest, _mm512_loadu_ps(scores + c));
    const __m512 top = _mm512_set1_ps(_mm512_reduce_max_ps(largest));
    __m512 sum = _mm512_setzero_ps();
    for (std::int64_t c = 0; c < width; c += 16) {
      const __m512 x = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(scores + c), top), scale);
      const __m512 e = _mm512_maskz_mov_ps(seen(head, t, c), exponential(x));
      sum = _mm512_add_ps(sum, e);
      _mm512_storeu_ps(scores + c, e);
    }
    const __m512 factor = _mm512_set1_ps(1 / _mm512_reduce_add_ps(sum));
    for (std::int64_t c = 0; c < width; c += 16)
      narrow(probabilities + c, _mm512_mul_ps(_mm512_loadu_ps(scores + c), factor));
  }
}

// d_scores = p * (d_p - sum of p d_p) * scale
void softmax_backward(const HeadView& head, const float* d_p, std::int64_t width, const Bf16* p,
                      Bf16* d_scores) {
  const __m512 scale = _mm512_set1_ps(1 / std::sqrt(static_cast<float>(head.size)));
  for (std::int64_t t = 0; t < head.length; ++t, d_p += width, p += width, d_scores += width) {
    __m512 sum = _mm512_setzero_ps();
    for (std::int64_t c = 0; c < width; c += 16)
      sum = _mm512_fmadd_ps(widen(p + c), _mm512_loadu_ps(d_p + c), sum);
    const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum));
    for (std::int64_t c = 0; c < width; c += 16) {
      const __m512 x = _mm512_sub_ps(_mm512_loadu_ps(d_p + c), mean);
      narrow(d_scores + c, _mm512_mul_ps(_mm512_mul_ps(widen(p + c), x), scale));
    }
  }
}

const Pair* pairs_of(const Bf16* rows) {
  return reinterpret_cast<const Pair*>(rows);
}

// Of a matrix [length, width] its transpose as A. Tiles want their rows in one piece: those lie
// where scores do.
Left columns_of(const Bf16* from, std::int64_t length, std::int64_t width, std::int64_t pairs,
                AttentionScratch& scratch) {
  pair_rows(from, width, length, width, pairs, scratch.left);
  if (!multiplies_in_tiles()) return {scratch.left, 1, width};
  auto* turned = reinterpret_cast<Pair*>(scratch.scores);
  const __m512i lanes =
      _mm512_mullo_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                         _mm512_set1_epi32(static_cast<int>(pairs)));
  for (std::int64_t p = 0; p < pairs; ++p) {
    for (std::int64_t c = 0; c < width; c += 16)
      _mm512_i32scatter_epi32(turned + c * pairs + p, lanes,
                              _mm512_loadu_si512(scratch.left + p * width + c), sizeof(Pair));
  }
  return {turned, pairs, 1};
}

}  // namespace

void attention_forward(const HeadView& head, Bf16* out, std::int64_t out_stride,
                       Bf16* probabilities, AttentionScratch& scratch) {
  const std::int64_t length = head.length, size = head.size, width = padded(length);
  std::int64_t q_stride = 0, k_stride = 0;
  const Bf16* query = turned(head, head.query, scratch.query, q_stride);
  const Bf16* key = turned(head, head.key, scratch.key, k_stride);
  pair_columns(key, k_stride, length, size, width, scratch.right);
  float* scores = scratch.scores;
  multiply(length, {pairs_of(query), q_stride / 2, 1}, scratch.right, width, size / 2, scores);
  softmax(head, scores, width, probabilities);
  pair_rows(head.value, head.stride, length, size, width / 2, scratch.right);
  float* sum = scratch.sum;
  multiply(length, {pairs_of(probabilities), width / 2, 1}, scratch.right, size, width / 2, sum);
  narrow_rows(head, sum, out, out_stride);
}

void attention_backward(const HeadView& head, const Bf16* d_out, std::int64_t out_stride,
                        const Bf16* probabilities, const HeadGradients& gradients,
                        AttentionScratch& scratch) {
  const std::int64_t length = head.length, size = head.size, width = padded(length);
  const std::int64_t pairs = multiplies_in_tiles() ? width / 2 : (length + 1) / 2;
  float* sum = scratch.sum;
  const auto finish = [&](Bf16* to) {
    head.cosine == nullptr ? narrow_rows(head, sum, to, head.stride) : turn_back(head, sum, to);
  };
  // dV = P^T dO
  pair_rows(d_out, out_stride, length, size, pairs, scratch.right);
  multiply(length, columns_of(probabilities, length, width, pairs, scratch), scratch.right, size,
           pairs, sum);
  narrow_rows(head, sum, gradients.value, head.stride);
  // dP = dO V^T, dS from it
  pair_columns(head.value, head.stride, length, size, width, scratch.right);
  float* d_p = scratch.scores;
  multiply(length, {pairs_of(d_out), out_stride / 2, 1}, scratch.right, width, size / 2, d_p);
  softmax_backward(head, d_p, width, probabilities, scratch.rows);
  // dQ = dS K
  std::int64_t q_stride = 0, k_stride = 0;
  const Bf16* key = turned(head, head.key, scratch.key, k_stride);
  pair_rows(key, k_stride, length, size, width / 2, scratch.right);
  multiply(length, {pairs_of(scratch.rows), width / 2, 1}, scratch.right, size, width / 2, sum);
  finish(gradients.query);
  // dK = dS^T Q
  const Bf16* query = turned(head, head.query, scratch.query, q_stride);
  pair_rows(query, q_stride, length, size, pairs, scratch.right);
  multiply(length, columns_of(scratch.rows, length, width, pairs, scratch), scratch.right, size,
           pairs, sum);
  finish(gradients.key);
}

}  // namespace narabi::train
