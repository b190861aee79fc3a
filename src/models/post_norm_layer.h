// The transformer layer of BERT and XLM-RoBERTa: norm after each residual (Vaswani et al. 2017).
#pragma once

#include <string>
#include <vector>

#include "models/sublayers.h"

namespace narabi::models {

struct PostNormConfig {
  int hidden = 0;
  int heads = 0;
  int intermediate = 0;
  float layer_norm_eps = 0;
};

class PostNormLayer {
 public:
  // Names below `prefix` ("bert.encoder.layer.0."), as transformers writes them.
  static std::vector<checkpoint::TensorSpec> tensors(const std::string& prefix,
                                                     const PostNormConfig& config);
  PostNormLayer(const WeightLoader& loader, const std::string& prefix,
                const PostNormConfig& config);
  // What it multiplies its input with.
  kernels::Operand operand() const { return attention_.query.operand; }
  // x: [in rows, H] -> [out rows, H] in place. `input`: operand rows of x; `output`: memory for
  // those of x afterwards, as the next layer wants them; it may be the same.
  void forward(float* x, const kernels::OperandRows& input, const kernels::OperandRows& output,
               LayerRows rows, Workspace& workspace) const;

 private:
  LayerShape shape_;
  float epsilon_;
  AttentionWeights attention_;
  LayerNormWeights attention_norm_;
  FeedForwardWeights feed_forward_;
  LayerNormWeights output_norm_;
};

}  // namespace narabi::models
