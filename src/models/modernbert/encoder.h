// ModernBERT: Warner et al. 2024; transformers/models/modernbert/modular_modernbert.py.
// Pre-norm layers, rotary positions, global and local attention, gated feed-forward.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/embedding_table.h"
#include "models/encoder.h"
#include "models/modernbert/config.h"
#include "models/sublayers.h"

namespace narabi::models::modernbert {

struct Layer {
  std::size_t window = 0;      // 0: global attention
  LayerNormWeights attn_norm;  // empty in layer 0: the identity
  AttentionWeights attention;
  LayerNormWeights mlp_norm;
  FeedForwardWeights feed_forward;
};

class Encoder final : public models::Encoder {
 public:
  // `prefix`: "model." or "" for a bare encoder.
  static std::vector<checkpoint::TensorSpec> tensors(const std::string& prefix,
                                                     const Config& config);
  Encoder(const WeightLoader& loader, const std::string& prefix, const Config& config);
  const EncoderShape& shape() const override { return shape_; }
  std::vector<const float*> forward(std::span<const Sequence> batch, Wanted wanted,
                                    Workspace& workspace, const Probe* probe) const override;

 private:
  Layer load_layer(const WeightLoader& loader, const std::string& prefix, int layer) const;
  // tokens: null but for the first layer.
  void run_layer(const Layer& layer, LayerRows rows, const TokenInput* tokens, float* x,
                 Workspace& workspace) const;

  std::uint64_t number_;  // no other encoder's
  Config config_;
  EncoderShape shape_;
  LayerShape layer_shape_;
  EmbeddingTable embeddings_;  // [V, H]
  LayerNormWeights embedding_norm_;
  std::vector<Layer> layers_;
  std::vector<std::size_t> windows_;  // of the layers
  LayerNormWeights final_norm_;
  RotaryTable global_rotary_, local_rotary_;
};

// logit = classifier(norm(gelu(dense(pooled)))), pooled = h_0 or the mean over the tokens.
class Head final : public models::Head {
 public:
  static std::vector<checkpoint::TensorSpec> tensors(const Config& config);
  Head(const checkpoint::TensorTable& tensors, const Config& config);
  Wanted wanted() const override;
  float logit(const float* hidden, std::size_t tokens, const Probe* probe) const override;

 private:
  struct Weights;
  std::shared_ptr<const Weights> weights_;
};

}  // namespace narabi::models::modernbert
