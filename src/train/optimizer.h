// AdamW with clipping and a learning-rate schedule.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "train/parameters.h"

namespace narabi::train {

enum class Schedule { kConstant, kLinear, kCosine };

struct OptimizerOptions {
  double lr = 5e-5;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0.01;
  double clip = 1.0;    // of the gradient's norm; 0: none
  double warmup = 0.1;  // fraction of all steps, linear from 0
  double min_lr = 0;    // where the schedule ends, as a fraction of lr
  Schedule schedule = Schedule::kCosine;
};

// The learning rate of step `step` (from 0) of `steps`; as transformers'
// get_*_schedule_with_warmup.
double learning_rate(const OptimizerOptions& options, std::int64_t step, std::int64_t steps);

// Loshchilov and Hutter 2019, as torch.optim.AdamW: decay times lr, bias-corrected moments.
class AdamW {
 public:
  AdamW(const Parameters& parameters, const OptimizerOptions& options);

  // Clips, updates the weights and clears the gradients. Returns the norm before clipping.
  double step(double learning_rate);

  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }
  // First and second moments, in the order of the parameters: for checkpoints.
  std::vector<torch::Tensor>& first() { return first_; }
  std::vector<torch::Tensor>& second() { return second_; }

 private:
  const Parameters& parameters_;
  OptimizerOptions options_;
  std::vector<torch::Tensor> first_, second_;
  std::int64_t steps_ = 0;
};

}  // namespace narabi::train
