// The training loop: steps, schedule, validation, the best model kept, checkpoints, resume.
#pragma once

#include <atomic>
#include <string>

#include "train/train_config.h"

namespace narabi::train {

struct RunOptions {
  bool restart = false;                     // forget the checkpoints in the output folder
  bool json = false;                        // measurements as JSON lines on stdout
  bool progress = false;                    // lines on stderr also where it is no terminal
  const std::atomic<bool>* stop = nullptr;  // set: save a checkpoint after this step and return
};

enum class Outcome { kDone, kInterrupted };

// Goes on from the newest checkpoint in OUTPUT/training. Leaves the model folder OUTPUT: the best
// by nDCG@10 where there is a validation set, else the last. Throws Error; a run whose loss or
// gradient is no longer finite ends with one that names the step, the last checkpoint intact.
Outcome train(const TrainConfig& config, const RunOptions& options);

}  // namespace narabi::train
