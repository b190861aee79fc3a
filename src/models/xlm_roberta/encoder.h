// XLM-RoBERTa: Conneau et al. 2020; transformers/models/xlm_roberta/modeling_xlm_roberta.py.
// The layers are BERT's; positions are counted from padding_idx + 1, and the head has two dense
// layers.
#pragma once

#include <memory>

#include "models/bert/encoder.h"

namespace narabi::models::xlm_roberta {

// bert::Config, with `pad_token_id` as the rule for positions.
bert::PositionRule read_position_rule(const checkpoint::ConfigFile& file);

// logit = out_proj(tanh(dense(h_0))).
class Head final : public models::Head {
 public:
  static std::vector<checkpoint::TensorSpec> tensors(const bert::Config& config);
  explicit Head(const checkpoint::TensorTable& tensors);
  Wanted wanted() const override { return Wanted::kFirst; }
  float logit(const float* hidden, std::size_t tokens, const Probe* probe) const override;

 private:
  struct Weights;
  std::shared_ptr<const Weights> weights_;
};

}  // namespace narabi::models::xlm_roberta
