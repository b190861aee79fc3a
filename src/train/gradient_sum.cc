#include "train/gradient_sum.h"

namespace narabi::train {

GradientSum::GradientSum(const Parameters& parameters) : parameters_(parameters) {
  for (const torch::Tensor& weight : parameters.tensors())
    sums_.push_back(torch::zeros_like(weight, torch::kFloat64).set_requires_grad(false));
}

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
  for (std::size_t i = 0; i < gradients.size(); ++i)
    if (gradients[i].defined()) sums_[i].add_(gradients[i]);
}

void GradientSum::finish() {
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    torch::Tensor weight = parameters_.tensors()[i];
    weight.mutable_grad() = sums_[i].to(torch::kFloat32);
  }
}

}  // namespace narabi::train
