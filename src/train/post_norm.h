// BERT (Devlin et al. 2019) and XLM-RoBERTa (Conneau et al. 2020): norm after each residual. They
// differ in how positions are counted and in their heads.
#pragma once

#include "models/bert/config.h"
#include "train/model.h"

namespace narabi::train {

enum class PostNormKind { kBert, kXlmRoberta };

class PostNorm final : public Model {
 public:
  // `padding`: pad_token_id, from which XLM-RoBERTa counts its positions.
  PostNorm(const models::bert::Config& config, PostNormKind kind, std::int64_t padding, Task task);
  torch::Tensor hidden(const PackedBatch& batch, const ForwardOptions& options) const override;
  torch::Tensor logits(const torch::Tensor& hidden, const PackedBatch& batch,
                       const ForwardOptions& options) const override;
  torch::Tensor vocabulary_logits(const torch::Tensor& rows,
                                  const ForwardOptions& options) const override;
  std::int64_t max_tokens() const override { return config_.positions - first_position_; }

 private:
  torch::Tensor embed(const PackedBatch& batch) const;
  torch::Tensor layer(int number, const torch::Tensor& x, const PackedBatch& batch,
                      const ForwardOptions& options) const;

  models::bert::Config config_;
  PostNormKind kind_;
  std::int64_t first_position_ = 0;
};

}  // namespace narabi::train
