#include "models/bert/encoder.h"

#include <cmath>

#include "models/dense_head.h"
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

Encoder::Encoder(const WeightLoader& loader, const std::string& prefix, const Config& config,
                 PositionRule positions)
    : config_(config),
      rule_(positions),
      words_(loader.tensors(), tensors(prefix, config)[0]),
      positions_(loader.tensors(), tensors(prefix, config)[1]),
      types_(loader.tensors(), tensors(prefix, config)[2]),
      norm_(loader.norm(prefix + kNorm)) {
  for (int layer = 0; layer < config.layers; ++layer) {
    layers_.emplace_back(loader, layer_prefix(prefix, layer), config.layer);
  }
  shape_ = {.layers = config.layers,
            .hidden = config.layer.hidden,
            .intermediate = config.layer.intermediate,
            .heads = config.layer.heads,
            .vocabulary = config.vocabulary,
            .max_tokens = config.positions - (rule_.padding + 1),
            .token_types = config.token_types};
}

// word + type + position of every token, rows of padded width.
void Encoder::embed(const Sequence& input, float* x) const {
  const std::size_t width = kernels::padded_width(words_.width());
  std::int32_t next = rule_.padding + 1;
  for (std::size_t i = 0; i < input.input_ids.size(); ++i) {
    const bool padding = rule_.padding >= 0 && input.input_ids[i] == rule_.padding;
    words_.copy(input.input_ids[i], x + i * width);
    types_.add(input.token_type_ids.empty() ? 0 : input.token_type_ids[i], x + i * width);
    positions_.add(padding ? rule_.padding : next++, x + i * width);
  }
}

std::vector<const float*> Encoder::forward(std::span<const Sequence> batch, Wanted wanted,
                                           Workspace& workspace, const Probe* probe) const {
  for (const Sequence& sequence : batch) check_sequence(sequence, shape_);
  const std::size_t width = kernels::padded_width(words_.width());
  const std::vector<std::size_t> windows(layers_.size(), 0);  // global attention everywhere
  const std::vector<BatchRows> plan = plan_rows(batch, wanted, windows);
  const std::size_t rows = total_rows(plan[0]);
  float* x = zeroed_rows(workspace, rows, width);
  const auto operand_rows = [&](std::size_t layer) {
    return workspace.operand_rows(Workspace::kInput, layers_[layer].operand(), rows, width);
  };
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) operand_rows(layer);  // to its size
  for (std::size_t s = 0; s < batch.size(); ++s) embed(batch[s], x + plan[0][s].begin * width);
  normalise({&norm_, config_.layer.layer_norm_eps, width}, x, rows, x, operand_rows(0), workspace);
  show(probe, "embeddings", x, rows, words_.width());
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    const bool last = layer + 1 == layers_.size();
    layers_[layer].forward(x, operand_rows(layer),
                           last ? kernels::OperandRows{} : operand_rows(layer + 1),
                           {plan[layer], plan[layer + 1]}, workspace);
    show(probe, "layer." + std::to_string(layer), x, rows, words_.width());
  }
  return unpadded_rows(x, plan.back(), words_.width());
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
