// Sequences laid end to end, without padding, sorted by length so that equal lengths lie together.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <span>
#include <vector>

#include "narabi/tokenizer.h"

namespace narabi::train {

// Sequences of one length that lie together.
struct LengthRun {
  std::int64_t begin = 0;  // first token
  std::int64_t sequences = 0;
  std::int64_t length = 0;
};

// S sequences, N tokens in all.
struct PackedBatch {
  torch::Tensor input_ids;       // [N] int64
  torch::Tensor token_type_ids;  // [N] int64
  torch::Tensor positions;       // [N] int64, from 0 in each sequence
  torch::Tensor first;           // [S] int64: first token of each sequence, in the order given
  torch::Tensor owner;           // [N] int64: which sequence, in the order given, a token is of
  torch::Tensor lengths;         // [S] f32, in the order given
  std::vector<LengthRun> runs;
  std::int64_t tokens() const { return input_ids.size(0); }
};

PackedBatch pack(std::span<const Encoding> encodings);

}  // namespace narabi::train
