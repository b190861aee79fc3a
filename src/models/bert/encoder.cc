#include "models/bert/encoder.h"

#include <cmath>

#include "models/dense_head.h"
#include "models/panels.h"
#include "models/sequence_check.h"

namespace narabi::models::bert {
namespace {

constexpr const char* kNorm = "embeddings.LayerNorm";

std::string layer_prefix(const std::string& prefix, int layer) {
  return prefix + "encoder.layer." + std::to_string(layer) + ".";
}

}  // namespace

std::vector<checkpoint::TensorSpec> Encoder::tensors(const std::string& prefix,
                                                     const Config& config) {
  const std::int64_t h = config.layer.hidden;
  std::vector<checkpoint::TensorSpec> specs = {
      {prefix + "embeddings.word_embeddings.weight", {config.vocabulary, h}},
      {prefix + "embeddings.position_embeddings.weight", {config.positions, h}},
      {prefix + "embeddings.token_type_embeddings.weight", {config.token_types, h}},
      {prefix + kNorm + ".weight", {h}},
      {prefix + kNorm + ".bias", {h}},
  };
  for (int layer = 0; layer < config.layers; ++layer) {
    const auto more = PostNormLayer::tensors(layer_prefix(prefix, layer), config.layer);
    specs.insert(specs.end(), more.begin(), more.end());
  }
  return specs;
}

Encoder::Encoder(const checkpoint::TensorTable& tensors, const std::string& prefix,
                 const Config& config, PositionRule positions)
    : config_(config),
      rule_(positions),
      words_(tensors, prefix + "embeddings.word_embeddings.weight"),
      positions_(tensors, prefix + "embeddings.position_embeddings.weight"),
      types_(tensors, prefix + "embeddings.token_type_embeddings.weight"),
      norm_{tensors.f32(prefix + kNorm + ".weight"), tensors.f32(prefix + kNorm + ".bias")} {
  for (int layer = 0; layer < config.layers; ++layer) {
    layers_.emplace_back(tensors, layer_prefix(prefix, layer), config.layer);
  }
  shape_ = {.layers = config.layers,
            .hidden = config.layer.hidden,
            .intermediate = config.layer.intermediate,
            .heads = config.layer.heads,
            .vocabulary = config.vocabulary,
            .max_tokens = config.positions - (rule_.padding + 1),
            .token_types = config.token_types};
}

// x = LN(word + type + position), [N, H]
void Encoder::embed(const Sequence& input, float* x) const {
  const std::size_t h = words_.width();
  std::int32_t next = rule_.padding + 1;
  for (std::size_t i = 0; i < input.input_ids.size(); ++i) {
    const bool padding = rule_.padding >= 0 && input.input_ids[i] == rule_.padding;
    words_.copy(input.input_ids[i], x + i * h);
    types_.add(input.token_type_ids.empty() ? 0 : input.token_type_ids[i], x + i * h);
    positions_.add(padding ? rule_.padding : next++, x + i * h);
  }
  normalise(x, nullptr, norm_, config_.layer.layer_norm_eps, input.input_ids.size(), x);
}

const float* Encoder::forward(const Sequence& input, Workspace& workspace,
                              const Probe* probe) const {
  check_sequence(input, shape_);
  const std::size_t tokens = input.input_ids.size(), h = words_.width();
  float* x = workspace.floats(Workspace::kHidden, padded_rows(tokens) * h);
  embed(input, x);
  if (probe) (*probe)("embeddings", x, tokens, h);
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    layers_[layer].forward(x, tokens, workspace);
    if (probe) (*probe)("layer." + std::to_string(layer), x, tokens, h);
  }
  return x;
}

struct Head::Weights {
  DenseWeights pooler, classifier;
};

std::vector<checkpoint::TensorSpec> Head::tensors(const Config& config) {
  const std::int64_t h = config.layer.hidden;
  return {{"bert.pooler.dense.weight", {h, h}},
          {"bert.pooler.dense.bias", {h}},
          {"classifier.weight", {1, h}},
          {"classifier.bias", {1}}};
}

Head::Head(const checkpoint::TensorTable& tensors)
    : weights_(std::make_shared<const Weights>(
          Weights{load_dense(tensors, "bert.pooler.dense"), load_dense(tensors, "classifier")})) {}

float Head::logit(const float* hidden, std::size_t, const Probe* probe) const {
  const std::size_t h = weights_->pooler.bias.size();
  std::vector<float> pooled = weights_->pooler.apply({hidden, hidden + h});
  for (float& value : pooled) value = std::tanh(value);
  if (probe) (*probe)("pooled", pooled.data(), 1, h);
  return weights_->classifier.apply(pooled)[0];
}

}  // namespace narabi::models::bert
