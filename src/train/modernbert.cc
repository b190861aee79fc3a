#include "train/modernbert.h"

#include <cmath>

#include "train/fused_attention.h"

namespace narabi::train {
namespace {

using models::modernbert::Config;
using models::modernbert::Pooling;
using torch::Tensor;

std::string layer_name(int layer, const char* part) {
  return "model.layers." + std::to_string(layer) + "." + part;
}

std::vector<ParameterSpec> specs_of(const Config& config, Task task) {
  const std::int64_t h = config.hidden, f = config.intermediate;
  std::vector<ParameterSpec> specs = {
      {"model.embeddings.tok_embeddings.weight", {config.vocabulary, h}}};
  add_norm(specs, "model.embeddings.norm", h, config.norm_bias);
  for (int layer = 0; layer < config.layers; ++layer) {
    if (layer > 0) add_norm(specs, layer_name(layer, "attn_norm"), h, config.norm_bias);
    add_linear(specs, layer_name(layer, "attn.Wqkv"), 3 * h, h, config.attention_bias);
    add_linear(specs, layer_name(layer, "attn.Wo"), h, h, config.attention_bias);
    add_norm(specs, layer_name(layer, "mlp_norm"), h, config.norm_bias);
    add_linear(specs, layer_name(layer, "mlp.Wi"), 2 * f, h, config.mlp_bias);
    add_linear(specs, layer_name(layer, "mlp.Wo"), h, f, config.mlp_bias);
  }
  add_norm(specs, "model.final_norm", h, config.norm_bias);
  add_linear(specs, "head.dense", h, h, config.classifier_bias);
  add_norm(specs, "head.norm", h, config.norm_bias);
  if (task == Task::kRerank) {
    add_linear(specs, "classifier", 1, h, true);
  } else {
    specs.push_back({"decoder.bias", {config.vocabulary}, Init::kZeros, false});
  }
  return specs;
}

}  // namespace

// Angles position x theta^(-2i / D) in f32; turn() gives back x's precision.
class Rotary {
 public:
  Rotary(const Tensor& positions, std::int64_t size, double theta) {
    const Tensor exponent =
        torch::arange(0, size, 2, positions.options().dtype(torch::kFloat32)) / size;
    const Tensor frequency = 1.0 / torch::pow(static_cast<float>(theta), exponent);  // [D / 2]
    const Tensor angle = positions.to(torch::kFloat32).unsqueeze(1) * frequency;
    cosine_ = angle.cos().view({-1, 1, 1, size / 2});
    sine_ = angle.sin().view({-1, 1, 1, size / 2});
  }
  // x: [N, 2, A, D], queries and keys
  Tensor turn(const Tensor& x) const {
    const auto halves = x.to(torch::kFloat32).chunk(2, -1);
    return torch::cat(
               {halves[0] * cosine_ - halves[1] * sine_, halves[1] * cosine_ + halves[0] * sine_},
               -1)
        .to(x.scalar_type());
  }
  // Of positions 0 to longest - 1: the last sequence's, which is the longest.
  Angles angles(std::int64_t longest) const {
    const auto last = [&](const Tensor& x) {
      return x.slice(0, x.size(0) - longest).view({longest, x.size(3)});
    };
    return {last(cosine_), last(sine_)};
  }

 private:
  Tensor cosine_, sine_;  // [N, 1, 1, D / 2]
};

ModernBert::ModernBert(const Config& config, Task task)
    : Model(specs_of(config, task),
            task == Task::kRerank ? "ModernBertForSequenceClassification" : "ModernBertForMaskedLM",
            "model.", {"head.", "classifier.", "decoder."}),
      config_(config) {}

Tensor ModernBert::norm(const std::string& name, const Tensor& x) const {
  return layer_norm(parameters_, name, x, config_.norm_eps);
}

Tensor ModernBert::hidden(const PackedBatch& batch, const ForwardOptions& options) const {
  Tensor x = torch::embedding(parameters_.at("model.embeddings.tok_embeddings.weight"),
                              batch.input_ids);  // [N, H]
  x = dropout(norm("model.embeddings.norm", x), options);
  const std::int64_t size = config_.hidden / config_.heads;
  const Rotary near(batch.positions, size, config_.local_theta),
      far(batch.positions, size, config_.global_theta);
  for (int layer = 0; layer < config_.layers; ++layer) {
    const bool global = config_.global[static_cast<std::size_t>(layer)];
    x = x + dropout(attend(layer, x, batch, global ? far : near, options), options);
    x = x + dropout(feed_forward(layer, x, options), options);
  }
  return norm("model.final_norm", x);
}

// Wo attn(rope(Wqkv attn_norm(x)))
Tensor ModernBert::attend(int layer, const Tensor& x, const PackedBatch& batch,
                          const Rotary& rotary, const ForwardOptions& options) const {
  const bool global = config_.global[static_cast<std::size_t>(layer)];
  const Tensor input = layer == 0 ? x : norm(layer_name(layer, "attn_norm"), x);
  const Tensor joint = linear(parameters_, layer_name(layer, "attn.Wqkv"), input, options)
                           .view({-1, 3, config_.heads, config_.hidden / config_.heads});
  const auto window = global ? std::nullopt : std::optional<std::int64_t>(config_.window);
  if (can_fuse_attention(joint, batch)) {
    const Tensor context =
        fused_attention(joint, batch, rotary.angles(batch.runs.back().length), window);
    return linear(parameters_, layer_name(layer, "attn.Wo"), context, options);
  }
  const auto parts = joint.split_with_sizes({2, 1}, 1);
  const auto turned = rotary.turn(parts[0]).unbind(1);  // [N, A, D] each
  const Tensor context = attention(turned[0], turned[1], parts[1].squeeze(1), batch, window);
  return linear(parameters_, layer_name(layer, "attn.Wo"), context, options);
}

// Wo (gelu(input) * gate), (input, gate) = halves of Wi mlp_norm(x)
Tensor ModernBert::feed_forward(int layer, const Tensor& x, const ForwardOptions& options) const {
  const Tensor normed = norm(layer_name(layer, "mlp_norm"), x);
  const auto halves =
      linear(parameters_, layer_name(layer, "mlp.Wi"), normed, options).chunk(2, -1);
  return linear(parameters_, layer_name(layer, "mlp.Wo"), torch::gelu(halves[0]) * halves[1],
                options);
}

// norm(gelu(dense(rows))), [M, H] f32
Tensor ModernBert::head(const Tensor& rows, const ForwardOptions& options) const {
  return norm("head.norm", torch::gelu(linear(parameters_, "head.dense", rows, options)));
}

Tensor ModernBert::logits(const Tensor& hidden, const PackedBatch& batch,
                          const ForwardOptions& options) const {
  Tensor pooled = hidden.index_select(0, batch.first);  // [S, H]
  if (config_.classifier_pooling == Pooling::kMean) {
    pooled =
        torch::zeros_like(pooled).index_add(0, batch.owner, hidden) / batch.lengths.unsqueeze(1);
  }
  return linear(parameters_, "classifier", head(pooled, options), {}).squeeze(1);
}

Tensor ModernBert::vocabulary_logits(const Tensor& rows, const ForwardOptions& options) const {
  const Tensor x = head(rows, options);
  const Tensor& words = parameters_.at("model.embeddings.tok_embeddings.weight");
  const auto type = options.bf16 ? torch::kBFloat16 : torch::kFloat32;
  return torch::linear(x.to(type), words.to(type), parameters_.at("decoder.bias").to(type));
}

}  // namespace narabi::train
