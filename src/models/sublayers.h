// The two halves of a transformer layer, over the rows of a batch: what BERT and ModernBERT share.
// They differ in where the norms stand, see post_norm_layer.h and modernbert/encoder.h.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "models/encoder.h"
#include "models/layer_weights.h"
#include "models/row_plan.h"

namespace narabi::models {

// Rows of the micro-kernel's tile, and those that go depth-first through the GEMMs of a layer, so
// that activations stay in the core's L2. Scores do not depend on either.
inline constexpr std::size_t kTileRows = 12;
inline constexpr std::size_t kPanelRows = 8 * kTileRows;

// cos and sin of position x frequency, [positions, half_width] each.
struct RotaryTable {
  std::vector<float> cosine, sine;
};

// Cuts the rows into panels of whole tiles, of about equal size, at most `limit` rows each and
// equally many for every member of the crew. Calls body(first row, rows, the member's workspace).
template <typename Body>
void share_rows(std::size_t rows, std::size_t limit, Workspace& workspace, const Body& body) {
  const std::size_t tiles = (rows + kTileRows - 1) / kTileRows;
  const std::size_t round = workspace.members() * (limit / kTileRows);  // a panel for each member
  const std::size_t panels = std::min(tiles, workspace.members() * ((tiles + round - 1) / round));
  workspace.share(panels, [&](std::size_t panel, Workspace& own) {
    const std::size_t first = tiles * panel / panels * kTileRows;
    body(first, std::min(rows, tiles * (panel + 1) / panels * kTileRows) - first, own);
  });
}

// Which rows of a batch a layer reads and which it writes (prefixes of the same sequences).
struct LayerRows {
  const BatchRows& in;
  const BatchRows& out;
};

// Says that a layer's input rows depend on the tokens alone, so that their products may be kept.
struct TokenInput {
  std::span<const Sequence> batch;
  std::uint64_t model = 0;  // see RecentRows::hold
  std::size_t vocabulary = 0;
};

struct AttentionCall {
  const LayerShape& shape;
  const AttentionWeights& weights;
  const RotaryTable* rotary = nullptr;  // null: positions are in the embeddings
  std::size_t window = 0;               // 0: every key
  const TokenInput* tokens = nullptr;   // may be set for the operand f32 with rotation
};

// Context [out rows, attention_width] of the operand rows `input` [in rows, hidden_width], in the
// workspace: f32 for the operand f32, else bf16.
std::byte* attend(const AttentionCall& call, const kernels::OperandRows& input, LayerRows rows,
                  Workspace& workspace);

// x += context W_o + b for a panel of `count` rows, the first of them at `row` of `context`.
void add_attention(const AttentionCall& call, std::byte* context, std::size_t row,
                   std::size_t count, float* x, Workspace& workspace);

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
