// The two halves of a transformer layer, over the rows of a batch: what BERT and ModernBERT share.
// They differ in where the norms stand, see post_norm_layer.h and modernbert/encoder.h.
#pragma once

#include <cstddef>
#include <functional>

#include "models/encoder.h"
#include "models/layer_weights.h"
#include "models/row_plan.h"

namespace narabi::models {

// Rows that go depth-first through the GEMMs of a layer, so that activations stay in the core's L2:
// eight tiles of the micro-kernel. Scores do not depend on it.
inline constexpr std::size_t kPanelRows = 96;

// cos and sin of position x frequency, [positions, half_width] each.
struct RotaryTable {
  std::vector<float> cosine, sine;
};

// Calls body(first row, rows).
template <typename Body>
void for_each_panel(std::size_t rows, Body body) {
  for (std::size_t row = 0; row < rows; row += kPanelRows)
    body(row, rows - row < kPanelRows ? rows - row : kPanelRows);
}

// Which rows of a batch a layer reads and which it writes (prefixes of the same sequences).
struct LayerRows {
  const BatchRows& in;
  const BatchRows& out;
};

struct AttentionCall {
  const LayerShape& shape;
  const AttentionWeights& weights;
  const RotaryTable* rotary = nullptr;  // null: positions are in the embeddings
  std::size_t window = 0;               // 0: every key
};

// Context [out rows, attention_width] of the operand rows `input` [in rows, hidden_width]: f32 for
// the operand f32, else bf16.
void attend(const AttentionCall& call, const kernels::OperandRows& input, LayerRows rows,
            Workspace& workspace);

// x += context W_o + b for a panel of the rows that attend() left.
void add_attention(const AttentionCall& call, std::size_t row, std::size_t count, float* x,
                   Workspace& workspace);

// x += feed-forward(input) for a panel; input: its operand rows.
void add_feed_forward(const LayerShape& shape, const FeedForwardWeights& weights,
                      const kernels::OperandRows& input, std::size_t count, float* x,
                      Workspace& workspace);

struct NormCall {
  const LayerNormWeights* weights = nullptr;  // null: the identity
  float epsilon = 0;
  std::size_t width = 0;  // padded
};

// output = norm(input), [rows, width], and, where `operand` has memory, its operand rows. output
// may be input; null: the operand rows are all that is wanted.
void normalise(const NormCall& call, const float* input, std::size_t rows, float* output,
               const kernels::OperandRows& operand, Workspace& workspace);

// Room for [rows, width] hidden states, zeros.
float* zeroed_rows(Workspace& workspace, std::size_t rows, std::size_t width);
// Takes the padding out of hidden states in place; where each sequence's rows [N, hidden] begin.
std::vector<const float*> unpadded_rows(float* x, const BatchRows& rows, std::size_t hidden);
// Hands a copy without padding to the probe, if there is one.
void show(const Probe* probe, const std::string& name, const float* x, std::size_t rows,
          std::size_t hidden);

// The rows of `rows` from `first` on.
kernels::OperandRows rows_from(kernels::OperandRows rows, std::size_t first);

}  // namespace narabi::models
