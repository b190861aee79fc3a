#include "train/optimizer.h"

#include <cmath>
#include <numbers>

namespace narabi::train {
namespace {

// Norm of all gradients together, summed in double so that it depends on no order.
double gradient_norm(const std::vector<torch::Tensor>& tensors) {
  double sum = 0;
  for (const torch::Tensor& tensor : tensors) {
    if (!tensor.grad().defined()) continue;
    const double norm = tensor.grad().norm(2, torch::kFloat64).item<double>();
    sum += norm * norm;
  }
  return std::sqrt(sum);
}

}  // namespace

double learning_rate(const OptimizerOptions& options, std::int64_t step, std::int64_t steps) {
  const double warmup = std::ceil(options.warmup * static_cast<double>(steps));
  const auto at = static_cast<double>(step);
  if (at < warmup) return options.lr * at / std::max(1.0, warmup);
  const double progress = (at - warmup) / std::max(1.0, static_cast<double>(steps) - warmup);
  double factor = 1;
  if (options.schedule == Schedule::kLinear) factor = 1 - progress;
  if (options.schedule == Schedule::kCosine)
    factor = 0.5 * (1 + std::cos(std::numbers::pi * progress));
  return options.lr * (options.min_lr + (1 - options.min_lr) * std::max(0.0, factor));
}

AdamW::AdamW(const Parameters& parameters, const OptimizerOptions& options)
    : parameters_(parameters), options_(options) {
  for (const torch::Tensor& tensor : parameters.tensors()) {
    first_.push_back(torch::zeros_like(tensor).detach());
    second_.push_back(torch::zeros_like(tensor).detach());
  }
}

double AdamW::step(double learning_rate) {
  const torch::NoGradGuard no_grad;
  const auto& tensors = parameters_.tensors();
  const double norm = gradient_norm(tensors);
  // torch.nn.utils.clip_grad_norm_: a factor of at most 1, with 1e-6 in the denominator
  const double factor = options_.clip > 0 ? std::min(1.0, options_.clip / (norm + 1e-6)) : 1.0;
  ++steps_;
  const auto count = static_cast<double>(steps_);
  const double correction1 = 1 - std::pow(options_.beta1, count);
  const double correction2 = std::sqrt(1 - std::pow(options_.beta2, count));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    torch::Tensor weight = tensors[i];
    torch::Tensor& gradient = weight.mutable_grad();
    if (!gradient.defined()) continue;
    if (factor < 1) gradient.mul_(factor);
    if (parameters_.specs()[i].decay && options_.weight_decay > 0)
      weight.mul_(1 - learning_rate * options_.weight_decay);
    first_[i].lerp_(gradient, 1 - options_.beta1);
    second_[i].mul_(options_.beta2).addcmul_(gradient, gradient, 1 - options_.beta2);
    const torch::Tensor denominator = (second_[i].sqrt() / correction2).add_(options_.epsilon);
    weight.addcdiv_(first_[i], denominator, -learning_rate / correction1);
    gradient = torch::Tensor();
  }
  return norm;
}

}  // namespace narabi::train
