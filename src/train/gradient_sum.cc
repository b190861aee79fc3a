#include "train/gradient_sum.h"

namespace narabi::train {

void GradientSum::add(std::size_t part, std::vector<torch::Tensor> gradients, double loss) {
  const std::lock_guard lock(mutex_);
  waiting_.emplace(part, std::pair{std::move(gradients), loss});
  for (auto found = waiting_.find(next_); found != waiting_.end(); found = waiting_.find(++next_)) {
    take(found->second.first);
    loss_ += found->second.second;
    waiting_.erase(found);
  }
}

void GradientSum::take(const std::vector<torch::Tensor>& gradients) {
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) continue;
    torch::Tensor weight = parameters_.tensors()[i];
    torch::Tensor& sum = weight.mutable_grad();
    if (sum.defined()) {
      sum.add_(gradients[i]);
    } else {
      sum = gradients[i].detach().clone();
    }
  }
}

}  // namespace narabi::train
