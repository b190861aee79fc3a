// Checkpoints of a run: weights, moments and counters, from which it goes on bit by bit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "train/optimizer.h"
#include "train/parameters.h"

namespace narabi::train {

struct Progress {
  std::int64_t step = 0;  // steps done
  double seconds = 0;     // spent on them
  double best = -1;       // of the validation metric
  std::int64_t best_step = 0;
  std::int64_t since_best = 0;  // validations
  std::int64_t exported = 0;    // the step whose weights the model folder has
};

// FOLDER/checkpoint-STEP/{weights.safetensors, moments.safetensors, state.json}, whole or not at
// all; the two newest are kept. `config`: what the run was told (describe(), describe_files()).
// Throws IoError, e.g. when the disk is full; earlier checkpoints stay as they were.
void save_checkpoint(const std::string& folder, const std::string& config,
                     const Parameters& parameters, AdamW& optimizer, const Progress& progress);

// From the newest checkpoint of FOLDER, if there is one. Throws InvalidArgument for a checkpoint of
// another config (which line differs), InvalidFormat for a damaged one.
std::optional<Progress> resume(const std::string& folder, const std::string& config,
                               Parameters& parameters, AdamW& optimizer);

}  // namespace narabi::train
