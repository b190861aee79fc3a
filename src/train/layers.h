// The operations that the encoders share, on packed tokens. In bf16, GEMMs and attention run in
// bf16; weights, residual stream, norms, softmax and loss stay in f32.
#pragma once

#include <torch/types.h>

#include <optional>
#include <string>

#include "train/packed_batch.h"
#include "train/parameters.h"

namespace narabi::train {

struct ForwardOptions {
  bool bf16 = false;
  double dropout = 0;  // of embeddings and of what each sub-layer adds
  std::optional<torch::Generator> generator = std::nullopt;  // of dropout
};

// x: [N, in] -> [N, out] in the computing precision; weights NAME.weight and, where there is one,
// NAME.bias.
torch::Tensor linear(const Parameters& parameters, const std::string& name, const torch::Tensor& x,
                     const ForwardOptions& options);
// [N, H] f32 -> [N, H] f32, NAME.weight and, where there is one, NAME.bias.
torch::Tensor layer_norm(const Parameters& parameters, const std::string& name,
                         const torch::Tensor& x, double epsilon);
torch::Tensor dropout(const torch::Tensor& x, const ForwardOptions& options);

// query, key, value: [N, A, D] -> [N, A D]. A token sees the tokens of its own sequence, and of
// those, with a window, only the ones at most `window` away.
torch::Tensor attention(const torch::Tensor& query, const torch::Tensor& key,
                        const torch::Tensor& value, const PackedBatch& batch,
                        std::optional<std::int64_t> window);

}  // namespace narabi::train
