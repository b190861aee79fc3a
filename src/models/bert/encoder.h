// BERT: Devlin et al. 2018; transformers/models/bert/modeling_bert.py.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/bert/config.h"
#include "models/embedding_table.h"
#include "models/encoder.h"

namespace narabi::models::bert {

// How position ids follow from the input: BERT counts 0, 1, 2...; XLM-RoBERTa counts from padding +
// 1 and skips the padding token, which stands at position `padding` itself.
struct PositionRule {
  int padding = -1;  // id of the padding token; -1: count every token from 0
};

class Encoder final : public models::Encoder {
 public:
  // `prefix`: "bert.", "roberta." or "" for a bare encoder.
  static std::vector<checkpoint::TensorSpec> tensors(const std::string& prefix,
                                                     const Config& config);
  Encoder(const WeightLoader& loader, const std::string& prefix, const Config& config,
          PositionRule positions);
  const EncoderShape& shape() const override { return shape_; }
  std::vector<const float*> forward(std::span<const Sequence> batch, Wanted wanted,
                                    Workspace& workspace, const Probe* probe) const override;

 private:
  void embed(const Sequence& input, float* x) const;

  Config config_;
  PositionRule rule_;
  EncoderShape shape_;
  EmbeddingTable words_;      // [V, H]
  EmbeddingTable positions_;  // [positions, H]
  EmbeddingTable types_;      // [token types, H]
  LayerNormWeights norm_;
  std::vector<PostNormLayer> layers_;
};

// logit = W_c tanh(W_p h_0 + b_p) + b_c.
class Head final : public models::Head {
 public:
  static std::vector<checkpoint::TensorSpec> tensors(const Config& config);
  explicit Head(const checkpoint::TensorTable& tensors);
  Wanted wanted() const override { return Wanted::kFirst; }
  float logit(const float* hidden, std::size_t tokens, const Probe* probe) const override;

 private:
  struct Weights;
  std::shared_ptr<const Weights> weights_;
};

}  // namespace narabi::models::bert
