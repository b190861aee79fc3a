// Weights to start from with which attention finds equal tokens at once. From random weights a
// small model on little data does not find that by itself (docs/training.md has the figures).
#pragma once

#include "checkpoint/config_file.h"
#include "train/parameters.h"

namespace narabi::train {

// In every layer but the first and the last W_q = W_k = a scaled orthonormal basis, on the rotary
// dimensions that turn least with distance: a token attends to its like, wherever that stands.
// ModernBERT only; throws Unsupported for others.
void add_match_heads(Parameters& parameters, const checkpoint::ConfigFile& config,
                     std::uint64_t seed);

}  // namespace narabi::train
