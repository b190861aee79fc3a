// Attention of one sequence and one head in bf16, forward and backward, for CPUs with AVX-512 BF16:
// products in bf16 with f32 sums, softmax in f32. On such CPUs libtorch's own goes through MKL,
// which has no bf16 for them and widens every operand first: it took more than a third of a
// training step.
#pragma once

#include <cstdint>
#include <vector>

namespace narabi::train {

using Bf16 = std::uint16_t;  // its bits

// Queries, keys and values of a head, [length, size] each: rows `stride` numbers apart, all at the
// same places of their tokens.
struct HeadView {
  const Bf16 *query = nullptr, *key = nullptr, *value = nullptr;
  std::int64_t stride = 0;
  std::int64_t length = 0, size = 0;  // size: a multiple of 32
  // Rotary angles [length, size / 2] f32, turning (i, i + size / 2) of queries and keys.
  const float *cosine = nullptr, *sine = nullptr;
  std::int64_t window = -1;  // a token sees those at most so far away; -1: all
};

struct HeadGradients {
  Bf16 *query = nullptr, *key = nullptr, *value = nullptr;  // rows as far apart as HeadView's
};

// Numbers in a row of probabilities.
constexpr std::int64_t padded(std::int64_t length) {
  return (length + 31) / 32 * 32;
}

// Memory for what lies between, for sequences of up to `longest` tokens.
class AttentionScratch {
 public:
  AttentionScratch(std::int64_t longest, std::int64_t size);

  // scores, rows: [padded, padded]; sum, query, key: [longest, size]; left, right: pairs for
  // either side of a product
  float *scores, *sum;
  Bf16 *query, *key, *rows;
  std::uint32_t *left, *right;

 private:
  std::vector<float> floats_;
  std::vector<Bf16> halves_;
  std::vector<std::uint32_t> pairs_;
};

// True where this CPU can run the two below; with AMX they multiply in its tiles.
bool has_attention_core();
bool multiplies_in_tiles();

// out: [length, size], rows `out_stride` apart. probabilities: [length, padded(length)], for the
// way back.
void attention_forward(const HeadView& head, Bf16* out, std::int64_t out_stride,
                       Bf16* probabilities, AttentionScratch& scratch);
// d_out as out; gradients with respect to the queries and keys before they were turned.
void attention_backward(const HeadView& head, const Bf16* d_out, std::int64_t out_stride,
                        const Bf16* probabilities, const HeadGradients& gradients,
                        AttentionScratch& scratch);

}  // namespace narabi::train
