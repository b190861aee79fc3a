// The transformer layer of BERT and XLM-RoBERTa: norm after each residual (Vaswani et al. 2017).
#pragma once

#include <string>
#include <vector>

#include "checkpoint/model_folder.h"
#include "kernels/linear.h"
#include "models/encoder.h"

namespace narabi::models {

struct LayerNormWeights {
  std::vector<float> weight, bias;  // [H]; bias empty where the model has none
};

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
  PostNormLayer(const checkpoint::TensorTable& tensors, const std::string& prefix,
                const PostNormConfig& config);
  // x: [R, H] -> [R, H] in place, N of its rows hold tokens.
  void forward(float* x, std::size_t tokens, Workspace& workspace) const;

 private:
  PostNormConfig config_;
  kernels::Linear qkv_;               // [3H, H]: query, key and value in one GEMM
  kernels::Linear attention_output_;  // [H, H]
  LayerNormWeights attention_norm_;
  kernels::Linear intermediate_;  // [F, H]
  kernels::Linear output_;        // [H, F]
  LayerNormWeights output_norm_;
};

// out = layer_norm(input + residual), [rows, H]; residual may be null.
void normalise(const float* input, const float* residual, const LayerNormWeights& norm,
               float epsilon, std::size_t rows, float* output);

}  // namespace narabi::models
