#include <cmath>

#include "kernels/rows.h"
#include "models/dense_head.h"
#include "models/modernbert/encoder.h"
#include "models/pooling.h"

namespace narabi::models::modernbert {

struct Head::Weights {
  DenseWeights dense;
  LayerNormWeights norm;
  float norm_eps = 0;
  DenseWeights classifier;
  Pooling pooling = Pooling::kCls;
};

std::vector<checkpoint::TensorSpec> Head::tensors(const Config& config) {
  const std::int64_t h = config.hidden;
  std::vector<checkpoint::TensorSpec> specs = {{"head.dense.weight", {h, h}},
                                               {"head.norm.weight", {h}},
                                               {"classifier.weight", {1, h}},
                                               {"classifier.bias", {1}}};
  if (config.classifier_bias) specs.push_back({"head.dense.bias", {h}});
  if (config.norm_bias) specs.push_back({"head.norm.bias", {h}});
  return specs;
}

Head::Head(const checkpoint::TensorTable& tensors, const Config& config)
    : weights_(std::make_shared<const Weights>(
          Weights{.dense = load_dense(tensors, "head.dense"),
                  .norm = WeightLoader(tensors, {}).norm("head.norm"),
                  .norm_eps = config.norm_eps,
                  .classifier = load_dense(tensors, "classifier"),
                  .pooling = config.classifier_pooling})) {}

Wanted Head::wanted() const {
  return weights_->pooling == Pooling::kMean ? Wanted::kAll : Wanted::kFirst;
}

float Head::logit(const float* hidden, std::size_t tokens, const Probe* probe) const {
  const std::size_t h = weights_->norm.width, padded = kernels::padded_width(h);
  std::vector<float> pooled = weights_->pooling == Pooling::kMean
                                  ? mean_pool(hidden, tokens, h)
                                  : std::vector<float>(hidden, hidden + h);
  if (probe) (*probe)("pooled", pooled.data(), 1, h);
  std::vector<float> y = weights_->dense.apply(pooled);
  for (float& value : y) value = 0.5f * value * (1.0f + std::erf(value * 0.70710678f));
  y.resize(padded);
  kernels::NormArgs norm;
  norm.input = norm.output = y.data();
  norm.weight = weights_->norm.weight.data();
  norm.bias = weights_->norm.bias.empty() ? nullptr : weights_->norm.bias.data();
  norm.epsilon = weights_->norm_eps;
  norm.rows = 1;
  norm.width = h;
  norm.padded = norm.output_stride = padded;
  kernels::row_kernels().norm(norm);
  y.resize(h);
  return weights_->classifier.apply(y)[0];
}

}  // namespace narabi::models::modernbert
