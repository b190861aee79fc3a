// Sequences laid end to end, without padding, sorted by length so that equal lengths lie together.
#pragma once

#include <torch/types.h>

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

// Sequences of about one length as a rectangle, for devices on which a launch a length costs more
// than padding.
struct PaddedBucket {
  torch::Tensor tokens;  // [S', L] int64: the token at each place, 0 where there is none
  torch::Tensor mask;    // [S', 1, 1, L] bool: where there is one
  torch::Tensor
      places;  // [n] int64: place of each of the bucket's tokens in the flattened rectangle
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
  std::vector<PaddedBucket> buckets;  // in the order of the runs; empty: attention goes by the runs
  std::int64_t tokens() const { return input_ids.size(0); }
};

PackedBatch pack(std::span<const Encoding> encodings);

// Buckets of lengths that round up to the same multiple of `step`.
std::vector<PaddedBucket> make_buckets(const std::vector<LengthRun>& runs, std::int64_t step);

// The batch on a device; on a GPU with buckets.
PackedBatch to_device(PackedBatch batch, const torch::Device& device);

}  // namespace narabi::train
