// What a training step learns from: examples become micro-batches, micro-batches become a loss.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "train/losses.h"
#include "train/model.h"
#include "train/packed_batch.h"

namespace narabi::train {

// One example of a step. Whatever is random about it comes from `seed` alone, so that a resumed run
// sees what the undisturbed one would have seen.
struct Draw {
  std::size_t example = 0;
  std::uint64_t seed = 0;
};

// As many tokens as go through the model at once.
struct MicroBatch {
  PackedBatch batch;
  GroupTargets groups;         // rerank
  torch::Tensor rows, wanted;  // mlm: [M] int64 tokens to predict, and their ids
};

struct StepData {
  std::vector<MicroBatch> parts;
  double terms = 0;  // groups, or masked tokens: what the summed loss is divided by
  std::int64_t tokens = 0;
};

// On a CPU a part a thread; a GPU takes them one by one, from this thread.
void for_each_part(std::size_t count, const torch::Device& device, base::ThreadPool& pool,
                   const std::function<void(std::size_t)>& work);

MicroBatch to_device(MicroBatch part, const torch::Device& device);

class Objective {
 public:
  virtual ~Objective() = default;
  virtual std::size_t size() const = 0;  // examples of an epoch
  virtual StepData prepare(std::span<const Draw> draws) const = 0;
  // Sum over the part's groups or masked tokens.
  virtual torch::Tensor loss(const Model& model, const MicroBatch& part,
                             const ForwardOptions& options) const = 0;
};

// An independent stream of random numbers for (seed, index).
std::uint64_t mix(std::uint64_t seed, std::uint64_t index);

}  // namespace narabi::train
