// Gradients of the parts of a step, added up in double precision: exact for all practical purposes,
// so that the sum does not depend on which thread or which process brings which part when.
#pragma once

#include <torch/types.h>

#include <cstddef>
#include <map>
#include <mutex>
#include <vector>

#include "train/parameters.h"

namespace narabi::train {

class GradientSum {
 public:
  explicit GradientSum(const Parameters& parameters);
  // d loss / d parameters (undefined where the loss does not depend on one) and the loss of `part`.
  void add(std::size_t part, std::vector<torch::Tensor> gradients, double loss);
  double loss() const { return loss_; }
  // f64, in the order of the parameters; zeros where nothing depended on one.
  std::vector<torch::Tensor>& tensors() { return sums_; }
  // Rounds the sums into the .grad of the parameters.
  void finish();

 private:
  void take(const std::vector<torch::Tensor>& gradients);

  const Parameters& parameters_;
  std::vector<torch::Tensor> sums_;
  std::mutex mutex_;
  std::map<std::size_t, std::pair<std::vector<torch::Tensor>, double>> waiting_;
  std::size_t next_ = 0;
  double loss_ = 0;
};

}  // namespace narabi::train
