#include "models/xlm_roberta/encoder.h"

#include <cmath>

#include "models/dense_head.h"
#include "narabi/error.h"

namespace narabi::models::xlm_roberta {

bert::PositionRule read_position_rule(const checkpoint::ConfigFile& file) {
  const std::int64_t padding = file.integer("pad_token_id", 1);
  const std::int64_t positions = file.integer("max_position_embeddings");
  if (padding < 0 || padding + 1 >= positions) {
    throw InvalidFormat(file.path() + ": pad_token_id: expected 0 to " +
                        std::to_string(positions - 2) + ", found " + std::to_string(padding));
  }
  return {.padding = static_cast<int>(padding)};
}

struct Head::Weights {
  DenseWeights dense, out_proj;
};

std::vector<checkpoint::TensorSpec> Head::tensors(const bert::Config& config) {
  const std::int64_t h = config.layer.hidden;
  return {{"classifier.dense.weight", {h, h}},
          {"classifier.dense.bias", {h}},
          {"classifier.out_proj.weight", {1, h}},
          {"classifier.out_proj.bias", {1}}};
}

Head::Head(const checkpoint::TensorTable& tensors)
    : weights_(std::make_shared<const Weights>(Weights{
          load_dense(tensors, "classifier.dense"), load_dense(tensors, "classifier.out_proj")})) {}

float Head::logit(const float* hidden, std::size_t, const Probe* probe) const {
  const std::size_t h = weights_->dense.bias.size();
  std::vector<float> pooled = weights_->dense.apply({hidden, hidden + h});
  for (float& value : pooled) value = std::tanh(value);
  if (probe) (*probe)("pooled", pooled.data(), 1, h);
  return weights_->out_proj.apply(pooled)[0];
}

}  // namespace narabi::models::xlm_roberta
