#include "models/modernbert/encoder.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "models/sequence_check.h"

namespace narabi::models::modernbert {
namespace {

using checkpoint::TensorSpec;

std::string layer_prefix(const std::string& prefix, int layer) {
  return prefix + "layers." + std::to_string(layer) + ".";
}

// angle(position, i) = position x theta^(-2i / D), all in f32 as the reference computes it.
RotaryTable make_rotary(int positions, int head_size, double theta) {
  const auto half = static_cast<std::size_t>(head_size / 2);
  const std::size_t width = (half + 15) / 16 * 16;  // LayerShape::half_width()
  RotaryTable table;
  table.cosine.resize(static_cast<std::size_t>(positions) * width);
  table.sine.resize(table.cosine.size());
  for (std::size_t i = 0; i < half; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(head_size);
    const float frequency = 1.0f / std::pow(static_cast<float>(theta), exponent);
    for (std::size_t p = 0; p < static_cast<std::size_t>(positions); ++p) {
      const float angle = static_cast<float>(p) * frequency;
      table.cosine[p * width + i] = std::cos(angle);
      table.sine[p * width + i] = std::sin(angle);
    }
  }
  return table;
}

std::uint64_t next_number() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
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

Encoder::Encoder(const WeightLoader& loader, const std::string& prefix, const Config& config)
    : number_(next_number()),
      config_(config),
      layer_shape_{.hidden = static_cast<std::size_t>(config.hidden),
                   .heads = static_cast<std::size_t>(config.heads),
                   .intermediate = static_cast<std::size_t>(config.intermediate),
                   .rotary = true},
      embeddings_(loader.tensors(), tensors(prefix, config)[0]),
      embedding_norm_(loader.norm(prefix + "embeddings.norm")),
      final_norm_(loader.norm(prefix + "final_norm")),
      global_rotary_(
          make_rotary(config.positions, config.hidden / config.heads, config.global_theta)),
      local_rotary_(
          make_rotary(config.positions, config.hidden / config.heads, config.local_theta)) {
  for (int layer = 0; layer < config.layers; ++layer) {
    layers_.push_back(load_layer(loader, prefix, layer));
    windows_.push_back(layers_.back().window);
  }
  shape_ = {.layers = config.layers,
            .hidden = config.hidden,
            .intermediate = config.intermediate,
            .heads = config.heads,
            .vocabulary = config.vocabulary,
            .max_tokens = config.positions,
            .token_types = 0};
}

Layer Encoder::load_layer(const WeightLoader& loader, const std::string& prefix, int layer) const {
  const std::string p = layer_prefix(prefix, layer);
  const std::size_t h = layer_shape_.hidden;
  const auto hidden = kernels::in_order(h), inner = kernels::in_order(layer_shape_.intermediate);
  Layer loaded;
  if (!config_.global[static_cast<std::size_t>(layer)])
    loaded.window = static_cast<std::size_t>(config_.window);
  if (layer > 0) loaded.attn_norm = loader.norm(p + "attn_norm");
  const std::string qkv = p + "attn.Wqkv";  // [3H, H]: rows of Q, K, V
  loaded.attention = loader.checked(
      {.query = loader.linear(qkv, {query_order(layer_shape_, 0), hidden}, "query"),
       .key = loader.linear(qkv, {query_order(layer_shape_, h), hidden}, "key"),
       .value = loader.linear(qkv, {value_order(layer_shape_, 2 * h), hidden}, "value"),
       .output = loader.linear(p + "attn.Wo", {hidden, value_order(layer_shape_, 0)})},
      qkv);
  loaded.mlp_norm = loader.norm(p + "mlp_norm");
  loaded.feed_forward = {.up = loader.linear(p + "mlp.Wi", {gate_order(layer_shape_), hidden}),
                         .down = loader.linear(p + "mlp.Wo", {hidden, inner}),
                         .gated = true};
  return loaded;
}

std::vector<const float*> Encoder::forward(std::span<const Sequence> batch, Wanted wanted,
                                           Workspace& workspace, const Probe* probe) const {
  for (const Sequence& sequence : batch) check_sequence({sequence.input_ids, {}}, shape_);
  const std::size_t h = embeddings_.width(), width = layer_shape_.hidden_width();
  const std::vector<BatchRows> plan = plan_rows(batch, wanted, windows_);
  const std::size_t rows = total_rows(plan[0]);
  float* x = zeroed_rows(workspace, rows, width);
  for (std::size_t s = 0; s < batch.size(); ++s) {
    for (std::size_t i = 0; i < plan[0][s].rows; ++i)
      embeddings_.copy(batch[s].input_ids[i], x + (plan[0][s].begin + i) * width);
  }
  normalise({&embedding_norm_, config_.norm_eps, width}, x, rows, x, {}, workspace);
  show(probe, "embeddings", x, rows, h);
  const TokenInput tokens{batch, number_, static_cast<std::size_t>(config_.vocabulary)};
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    run_layer(layers_[layer], {plan[layer], plan[layer + 1]}, layer == 0 ? &tokens : nullptr, x,
              workspace);
    show(probe, "layer." + std::to_string(layer), x, rows, h);
  }
  normalise({&final_norm_, config_.norm_eps, width}, x, total_rows(plan.back()), x, {}, workspace);
  show(probe, "final_norm", x, rows, h);
  return unpadded_rows(x, plan.back(), h);
}

// x += Wo attn(rope(Wqkv attn_norm(x))); x += Wo (gelu(input) * gate), (input, gate) = halves of Wi
// mlp_norm(x)
void Encoder::run_layer(const Layer& layer, LayerRows rows, const TokenInput* tokens, float* x,
                        Workspace& workspace) const {
  const std::size_t width = layer_shape_.hidden_width(), count = total_rows(rows.in);
  const auto norm = [&](const LayerNormWeights& weights) {
    return NormCall{weights.weight.empty() ? nullptr : &weights, config_.norm_eps, width};
  };
  const kernels::Operand operand = layer.attention.query.operand;
  const bool f32 = operand == kernels::Operand::kF32;  // others are not worth keeping
  const AttentionCall attention{.shape = layer_shape_,
                                .weights = layer.attention,
                                .rotary = layer.window == 0 ? &global_rotary_ : &local_rotary_,
                                .window = layer.window,
                                .tokens = f32 ? tokens : nullptr};
  auto* bytes = reinterpret_cast<std::byte*>(x);
  kernels::OperandRows input{operand, bytes, width * sizeof(float), nullptr, nullptr};
  if (attention.tokens == nullptr) {
    input = workspace.operand_rows(Workspace::kInput, operand, count, width);
    share_rows(count, kPanelRows, workspace,
               [&](std::size_t row, std::size_t panel_rows, Workspace& own) {
                 normalise(norm(layer.attn_norm), x + row * width, panel_rows, nullptr,
                           rows_from(input, row), own);
               });
  }
  std::byte* context = attend(attention, input, rows, workspace);
  keep_rows(rows.in, rows.out, width * sizeof(float), bytes, bytes);
  share_rows(total_rows(rows.out), kPanelRows, workspace,
             [&](std::size_t row, std::size_t panel_rows, Workspace& own) {
               float* panel = x + row * width;
               const kernels::OperandRows operand = own.operand_rows(
                   Workspace::kPanelInput, layer.feed_forward.up.operand, kPanelRows, width);
               add_attention(attention, context, row, panel_rows, panel, own);
               normalise(norm(layer.mlp_norm), panel, panel_rows, nullptr, operand, own);
               add_feed_forward(layer_shape_, layer.feed_forward, operand, panel_rows, panel, own);
             });
}

}  // namespace narabi::models::modernbert
