#include "models/modernbert/encoder.h"

#include <algorithm>
#include <cmath>

#include "kernels/attention.h"
#include "kernels/elementwise.h"
#include "models/panels.h"
#include "models/sequence_check.h"

namespace narabi::models::modernbert {
namespace {

using checkpoint::TensorSpec;
using checkpoint::TensorTable;
using kernels::Linear;

std::string layer_prefix(const std::string& prefix, int layer) {
  return prefix + "layers." + std::to_string(layer) + ".";
}

LayerNormWeights load_norm(const TensorTable& tensors, const std::string& name) {
  return {tensors.f32(name + ".weight"), tensors.f32(name + ".bias")};
}

Linear load_linear(const TensorTable& tensors, const std::string& name) {
  const std::vector<std::int64_t>& shape = tensors.at(name + ".weight").shape;
  return Linear(tensors.f32(name + ".weight"), tensors.f32(name + ".bias"),
                static_cast<std::size_t>(shape[1]), static_cast<std::size_t>(shape[0]));
}

Layer load_layer(const TensorTable& tensors, const std::string& prefix, const Config& config,
                 int layer) {
  const std::string p = layer_prefix(prefix, layer);
  return Layer{
      .global = config.global[static_cast<std::size_t>(layer)],
      .attn_norm = layer == 0 ? std::nullopt : std::optional(load_norm(tensors, p + "attn_norm")),
      .wqkv = load_linear(tensors, p + "attn.Wqkv"),
      .attn_wo = load_linear(tensors, p + "attn.Wo"),
      .mlp_norm = load_norm(tensors, p + "mlp_norm"),
      .wi = load_linear(tensors, p + "mlp.Wi"),
      .mlp_wo = load_linear(tensors, p + "mlp.Wo")};
}

// angle(position, i) = position x theta^(-2i / D), all in f32 as the reference computes it.
RotaryTable make_rotary(int positions, int head_size, double theta) {
  const auto half = static_cast<std::size_t>(head_size / 2);
  RotaryTable table;
  table.cosine.resize(static_cast<std::size_t>(positions) * half);
  table.sine.resize(table.cosine.size());
  for (std::size_t i = 0; i < half; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(head_size);
    const float frequency = 1.0f / std::pow(static_cast<float>(theta), exponent);
    for (std::size_t p = 0; p < static_cast<std::size_t>(positions); ++p) {
      const float angle = static_cast<float>(p) * frequency;
      table.cosine[p * half + i] = std::cos(angle);
      table.sine[p * half + i] = std::sin(angle);
    }
  }
  return table;
}

}  // namespace

std::vector<TensorSpec> Encoder::tensors(const std::string& prefix, const Config& config) {
  const std::int64_t h = config.hidden, f = config.intermediate;
  std::vector<TensorSpec> specs;
  const auto norm = [&](const std::string& name) {
    specs.push_back({name + ".weight", {h}});
    if (config.norm_bias) specs.push_back({name + ".bias", {h}});
  };
  const auto linear = [&](const std::string& name, std::int64_t out, std::int64_t in, bool bias) {
    specs.push_back({name + ".weight", {out, in}});
    if (bias) specs.push_back({name + ".bias", {out}});
  };
  specs.push_back({prefix + "embeddings.tok_embeddings.weight", {config.vocabulary, h}});
  norm(prefix + "embeddings.norm");
  for (int layer = 0; layer < config.layers; ++layer) {
    const std::string p = layer_prefix(prefix, layer);
    if (layer > 0) norm(p + "attn_norm");
    linear(p + "attn.Wqkv", 3 * h, h, config.attention_bias);
    linear(p + "attn.Wo", h, h, config.attention_bias);
    norm(p + "mlp_norm");
    linear(p + "mlp.Wi", 2 * f, h, config.mlp_bias);
    linear(p + "mlp.Wo", h, f, config.mlp_bias);
  }
  norm(prefix + "final_norm");
  return specs;
}

Encoder::Encoder(const TensorTable& tensors, const std::string& prefix, const Config& config)
    : config_(config),
      embeddings_(tensors, prefix + "embeddings.tok_embeddings.weight"),
      embedding_norm_(load_norm(tensors, prefix + "embeddings.norm")),
      final_norm_(load_norm(tensors, prefix + "final_norm")),
      global_rotary_(
          make_rotary(config.positions, config.hidden / config.heads, config.global_theta)),
      local_rotary_(
          make_rotary(config.positions, config.hidden / config.heads, config.local_theta)) {
  for (int layer = 0; layer < config.layers; ++layer) {
    layers_.push_back(load_layer(tensors, prefix, config, layer));
  }
  shape_ = {.layers = config.layers,
            .hidden = config.hidden,
            .intermediate = config.intermediate,
            .heads = config.heads,
            .vocabulary = config.vocabulary,
            .max_tokens = config.positions,
            .token_types = 0};
}

const float* Encoder::forward(const Sequence& input, Workspace& workspace,
                              const Probe* probe) const {
  check_sequence({input.input_ids, {}}, shape_);
  const std::size_t tokens = input.input_ids.size(), h = embeddings_.width();
  float* x = workspace.floats(Workspace::kHidden, padded_rows(tokens) * h);
  for (std::size_t i = 0; i < tokens; ++i) embeddings_.copy(input.input_ids[i], x + i * h);
  normalise(x, nullptr, embedding_norm_, config_.norm_eps, tokens, x);
  if (probe) (*probe)("embeddings", x, tokens, h);
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    attention(layers_[layer], tokens, x, workspace);
    feed_forward(layers_[layer], tokens, x, workspace);
    if (probe) (*probe)("layer." + std::to_string(layer), x, tokens, h);
  }
  normalise(x, nullptr, final_norm_, config_.norm_eps, tokens, x);
  if (probe) (*probe)("final_norm", x, tokens, h);
  return x;
}

// x += Wo attn(rope(Wqkv attn_norm(x)))
void Encoder::attention(const Layer& layer, std::size_t tokens, float* x,
                        Workspace& workspace) const {
  const auto h = static_cast<std::size_t>(config_.hidden),
             heads = static_cast<std::size_t>(config_.heads);
  const std::size_t rows = padded_rows(tokens), head_size = h / heads;
  float* qkv = workspace.floats(Workspace::kQkv, rows * 3 * h);
  float* context = workspace.floats(Workspace::kContext, rows * h);
  float* panel = workspace.floats(Workspace::kProjected, kPanelRows * h);

  for_each_panel(tokens, [&](std::size_t row, std::size_t count) {
    const float* input = x + row * h;
    if (layer.attn_norm) {
      normalise(input, nullptr, *layer.attn_norm, config_.norm_eps, count, panel);
      input = panel;
    }
    layer.wqkv.run(input, count, qkv + row * 3 * h);
  });
  const RotaryTable& rotary = layer.global ? global_rotary_ : local_rotary_;
  kernels::elementwise().rope({.heads = qkv,  // Q and K are neighbours: 2A heads a row
                               .rows = tokens,
                               .stride = 3 * h,
                               .count = 2 * heads,
                               .size = head_size,
                               .cosine = rotary.cosine.data(),
                               .sine = rotary.sine.data()});
  kernels::attention()({.query = qkv,
                        .key = qkv + h,
                        .value = qkv + 2 * h,
                        .stride = 3 * h,
                        .tokens = tokens,
                        .heads = heads,
                        .size = head_size,
                        .scale = 1.0f / std::sqrt(static_cast<float>(head_size)),
                        .window = layer.global ? 0 : static_cast<std::size_t>(config_.window),
                        .scratch = workspace.floats(Workspace::kAttention,
                                                    kernels::attention_scratch(tokens, head_size)),
                        .output = context,
                        .output_stride = h});
  for_each_panel(tokens, [&](std::size_t row, std::size_t count) {
    layer.attn_wo.run(context + row * h, count, panel);
    kernels::elementwise().add(panel, count * h, x + row * h);
  });
}

// x += Wo (gelu(input) * gate), (input, gate) = halves of Wi mlp_norm(x)
void Encoder::feed_forward(const Layer& layer, std::size_t tokens, float* x,
                           Workspace& workspace) const {
  const auto h = static_cast<std::size_t>(config_.hidden),
             f = static_cast<std::size_t>(config_.intermediate);
  float* panel = workspace.floats(Workspace::kProjected, kPanelRows * h);
  float* both = workspace.floats(Workspace::kFeedForward, kPanelRows * 2 * f);
  float* gated = workspace.floats(Workspace::kGated, kPanelRows * f);
  for_each_panel(tokens, [&](std::size_t row, std::size_t count) {
    normalise(x + row * h, nullptr, layer.mlp_norm, config_.norm_eps, count, panel);
    layer.wi.run(panel, count, both);
    kernels::elementwise().geglu(both, count, f, gated);
    layer.mlp_wo.run(gated, count, panel);
    kernels::elementwise().add(panel, count * h, x + row * h);
  });
}

}  // namespace narabi::models::modernbert
