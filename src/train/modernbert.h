// ModernBERT: Warner et al. 2024; transformers/models/modernbert/modular_modernbert.py.
#pragma once

#include "models/modernbert/config.h"
#include "train/model.h"

namespace narabi::train {

class Rotary;

class ModernBert final : public Model {
 public:
  ModernBert(const models::modernbert::Config& config, Task task);
  torch::Tensor hidden(const PackedBatch& batch, const ForwardOptions& options) const override;
  torch::Tensor logits(const torch::Tensor& hidden, const PackedBatch& batch,
                       const ForwardOptions& options) const override;
  torch::Tensor vocabulary_logits(const torch::Tensor& rows,
                                  const ForwardOptions& options) const override;
  std::int64_t max_tokens() const override { return config_.positions; }

 private:
  torch::Tensor norm(const std::string& name, const torch::Tensor& x) const;
  torch::Tensor attend(int layer, const torch::Tensor& x, const PackedBatch& batch,
                       const Rotary& rotary, const ForwardOptions& options) const;
  torch::Tensor feed_forward(int layer, const torch::Tensor& x,
                             const ForwardOptions& options) const;
  torch::Tensor head(const torch::Tensor& rows, const ForwardOptions& options) const;

  models::modernbert::Config config_;
};

}  // namespace narabi::train
