// Gradients of the parts of a step, added up in the order of the parts: threads may bring them in
// any order, the sum is the same to the last bit.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <map>
#include <mutex>
#include <vector>

#include "train/parameters.h"

namespace narabi::train {

class GradientSum {
 public:
  // Sums into the .grad of the parameters, which are undefined before the first part.
  explicit GradientSum(const Parameters& parameters) : parameters_(parameters) {}
  // d loss / d parameters (undefined where the loss does not depend on one) and the loss of `part`.
  void add(std::size_t part, std::vector<torch::Tensor> gradients, double loss);
  double loss() const { return loss_; }

 private:
  void take(const std::vector<torch::Tensor>& gradients);

  const Parameters& parameters_;
  std::mutex mutex_;
  std::map<std::size_t, std::pair<std::vector<torch::Tensor>, double>> waiting_;
  std::size_t next_ = 0;
  double loss_ = 0;
};

}  // namespace narabi::train
