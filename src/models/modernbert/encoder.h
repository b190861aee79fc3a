// ModernBERT: Warner et al. 2024; transformers/models/modernbert/modular_modernbert.py.
// Pre-norm layers, rotary positions, global and local attention, gated feed-forward.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/linear.h"
#include "models/embedding_table.h"
#include "models/encoder.h"
#include "models/modernbert/config.h"
#include "models/post_norm_layer.h"

namespace narabi::models::modernbert {

// cos and sin of position x frequency, [positions, D / 2] each.
struct RotaryTable {
  std::vector<float> cosine, sine;
};

struct Layer {
  bool global = true;
  std::optional<LayerNormWeights> attn_norm;  // none in layer 0: the identity
  kernels::Linear wqkv;                       // [3H, H]: rows of Q, K, V
  kernels::Linear attn_wo;                    // [H, H]
  LayerNormWeights mlp_norm;
  kernels::Linear wi;      // [2F, H]: rows of the input, then of the gate
  kernels::Linear mlp_wo;  // [H, F]
};

class Encoder final : public models::Encoder {
 public:
  // `prefix`: "model." or "" for a bare encoder.
  static std::vector<checkpoint::TensorSpec> tensors(const std::string& prefix,
                                                     const Config& config);
  Encoder(const checkpoint::TensorTable& tensors, const std::string& prefix, const Config& config);
  const EncoderShape& shape() const override { return shape_; }
  const float* forward(const Sequence& input, Workspace& workspace,
                       const Probe* probe) const override;

 private:
  void attention(const Layer& layer, std::size_t tokens, float* x, Workspace& workspace) const;
  void feed_forward(const Layer& layer, std::size_t tokens, float* x, Workspace& workspace) const;

  Config config_;
  EncoderShape shape_;
  EmbeddingTable embeddings_;  // [V, H]
  LayerNormWeights embedding_norm_;
  std::vector<Layer> layers_;
  LayerNormWeights final_norm_;
  RotaryTable global_rotary_, local_rotary_;
};

// logit = classifier(norm(gelu(dense(pooled)))), pooled = h_0 or the mean over the tokens.
class Head final : public models::Head {
 public:
  static std::vector<checkpoint::TensorSpec> tensors(const Config& config);
  Head(const checkpoint::TensorTable& tensors, const Config& config);
  float logit(const float* hidden, std::size_t tokens, const Probe* probe) const override;

 private:
  struct Weights;
  std::shared_ptr<const Weights> weights_;
};

}  // namespace narabi::models::modernbert
