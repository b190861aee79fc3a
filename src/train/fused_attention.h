// Attention over packed tokens by attention_core.h, as one operation of autograd.
#pragma once

#include <torch/types.h>

#include <optional>

#include "train/packed_batch.h"

namespace narabi::train {

// Angles [L, D / 2] f32 of positions 0, 1, ...; L at least the longest sequence's length.
struct Angles {
  torch::Tensor cosine, sine;
};

// True where fused_attention() may be called: bf16 on a CPU that has the instructions, heads of a
// multiple of 32.
bool can_fuse_attention(const torch::Tensor& query, const PackedBatch& batch);

// joint: [N, 3, A, D] bf16, queries, keys, values -> [N, A D] bf16. With angles, queries and keys
// are turned first. window: see attention().
torch::Tensor fused_attention(const torch::Tensor& joint, const PackedBatch& batch,
                              const std::optional<Angles>& angles,
                              std::optional<std::int64_t> window);

}  // namespace narabi::train
