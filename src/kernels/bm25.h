// What postings add to BM25's scores, and which scores are large enough: the inner loops of a
// search. Integers come out, the same ones in every instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/cpu.h"

namespace narabi::kernels {

// What one posting adds, before the term's weight: tf (k1 + 1) / (tf + k1 (1 - b + b length /
// average)), in f32, with a field's average length worked in. An operation at a time, no fma: it is
// the same number wherever it is computed.
struct Bm25Impact {
  float gain = 0;      // k1 + 1
  float flat = 1;      // k1 (1 - b)
  float per_term = 0;  // k1 b / average
  [[gnu::always_inline]] float operator()(float frequency, float length) const {
    return frequency * gain / (frequency + (flat + per_term * length));
  }
};

// In points, rounded. A damaged list may hold any frequency; one of 31 bits keeps the conversions
// defined. The impact x the weight has to be less than 2^31.
[[gnu::always_inline]] inline std::uint32_t bm25_points(const Bm25Impact& impact, float weight,
                                                        std::uint32_t frequency,
                                                        std::uint16_t length) {
  const auto tf = static_cast<float>(static_cast<std::int32_t>(frequency & 0x7FFFFFFFu));
  return static_cast<std::uint32_t>(
      static_cast<std::int32_t>(impact(tf, static_cast<float>(length)) * weight + 0.5f));
}

// 1 to kValuesOfBlock postings of one term, and a window of documents.
struct Bm25Postings {
  const std::uint32_t* documents = nullptr;    // [count], ascending
  const std::uint32_t* frequencies = nullptr;  // [count]
  std::size_t count = 0;
  std::uint32_t base = 0, size = 0;        // the window: [base, base + size)
  const std::uint16_t* lengths = nullptr;  // [size]; the two bytes before can be read too
  Bm25Impact impact;
  float weight = 0;
};

struct Bm25 {
  // scores[document - base] += bm25_points(...), wrapping, for the documents in the window. Of
  // documents that do not ascend (a damaged list) any may be left out.
  void (*add)(const Bm25Postings& postings, std::uint32_t* scores);
  // How many of scores[0, size) are `least` or more. size: a multiple of 16 here and below.
  std::size_t (*count)(const std::uint32_t* scores, std::size_t size, std::uint32_t least);
  // Their positions and values, ascending, to positions and values (room for `size` each); how
  // many. All scores are 0 afterwards.
  std::size_t (*take)(std::uint32_t* scores, std::size_t size, std::uint32_t least,
                      std::uint32_t* positions, std::uint32_t* values);
};
const Bm25& bm25();  // of base::isa()
const Bm25& bm25(base::Isa set);

}  // namespace narabi::kernels
