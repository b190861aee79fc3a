#include "models/post_norm_layer.h"

#include <cmath>

#include "kernels/attention.h"
#include "kernels/elementwise.h"
#include "models/panels.h"

namespace narabi::models {
namespace {

using checkpoint::TensorTable;
using kernels::Linear;

Linear load_linear(const TensorTable& tensors, const std::string& name) {
  const std::vector<float> weight = tensors.f32(name + ".weight");
  const std::vector<std::int64_t>& shape = tensors.at(name + ".weight").shape;
  return Linear(weight, tensors.f32(name + ".bias"), static_cast<std::size_t>(shape[1]),
                static_cast<std::size_t>(shape[0]));
}

LayerNormWeights load_norm(const TensorTable& tensors, const std::string& name) {
  return {tensors.f32(name + ".weight"), tensors.f32(name + ".bias")};
}

Linear load_qkv(const TensorTable& tensors, const std::string& prefix, int hidden) {
  std::vector<float> weight, bias;
  for (const char* part : {"query", "key", "value"}) {
    const std::vector<float> w = tensors.f32(prefix + "attention.self." + part + ".weight");
    const std::vector<float> b = tensors.f32(prefix + "attention.self." + part + ".bias");
    weight.insert(weight.end(), w.begin(), w.end());
    bias.insert(bias.end(), b.begin(), b.end());
  }
  const auto width = static_cast<std::size_t>(hidden);
  return Linear(weight, bias, width, 3 * width);
}

}  // namespace

std::vector<checkpoint::TensorSpec> PostNormLayer::tensors(const std::string& prefix,
                                                           const PostNormConfig& config) {
  const std::int64_t h = config.hidden, f = config.intermediate;
  std::vector<checkpoint::TensorSpec> specs;
  const auto add = [&](const std::string& name, std::int64_t out, std::int64_t in) {
    specs.push_back({prefix + name + ".weight", {out, in}});
    specs.push_back({prefix + name + ".bias", {out}});
  };
  add("attention.self.query", h, h);
  add("attention.self.key", h, h);
  add("attention.self.value", h, h);
  add("attention.output.dense", h, h);
  add("intermediate.dense", f, h);
  add("output.dense", h, f);
  for (const char* norm : {"attention.output.LayerNorm", "output.LayerNorm"}) {
    specs.push_back({prefix + norm + ".weight", {h}});
    specs.push_back({prefix + norm + ".bias", {h}});
  }
  return specs;
}

PostNormLayer::PostNormLayer(const TensorTable& tensors, const std::string& prefix,
                             const PostNormConfig& config)
    : config_(config),
      qkv_(load_qkv(tensors, prefix, config.hidden)),
      attention_output_(load_linear(tensors, prefix + "attention.output.dense")),
      attention_norm_(load_norm(tensors, prefix + "attention.output.LayerNorm")),
      intermediate_(load_linear(tensors, prefix + "intermediate.dense")),
      output_(load_linear(tensors, prefix + "output.dense")),
      output_norm_(load_norm(tensors, prefix + "output.LayerNorm")) {}

void PostNormLayer::forward(float* x, std::size_t tokens, Workspace& workspace) const {
  const auto h = static_cast<std::size_t>(config_.hidden),
             f = static_cast<std::size_t>(config_.intermediate);
  const std::size_t rows = padded_rows(tokens),
                    head_size = h / static_cast<std::size_t>(config_.heads);
  float* qkv = workspace.floats(Workspace::kQkv, rows * 3 * h);
  float* context = workspace.floats(Workspace::kContext, rows * h);
  float* projected = workspace.floats(Workspace::kProjected, kPanelRows * h);
  float* inner = workspace.floats(Workspace::kFeedForward, kPanelRows * f);

  for_each_panel(tokens, [&](std::size_t row, std::size_t count) {
    qkv_.run(x + row * h, count, qkv + row * 3 * h);
  });
  kernels::attention()({.query = qkv,
                        .key = qkv + h,
                        .value = qkv + 2 * h,
                        .stride = 3 * h,
                        .tokens = tokens,
                        .heads = static_cast<std::size_t>(config_.heads),
                        .size = head_size,
                        .scale = 1.0f / std::sqrt(static_cast<float>(head_size)),
                        .window = 0,
                        .scratch = workspace.floats(Workspace::kAttention,
                                                    kernels::attention_scratch(tokens, head_size)),
                        .output = context,
                        .output_stride = h});
  for_each_panel(tokens, [&](std::size_t row, std::size_t count) {
    float* panel = x + row * h;
    attention_output_.run(context + row * h, count, projected);
    normalise(projected, panel, attention_norm_, config_.layer_norm_eps, count, panel);
    intermediate_.run(panel, count, inner);
    kernels::elementwise().gelu(inner, count * f);
    output_.run(inner, count, projected);
    normalise(projected, panel, output_norm_, config_.layer_norm_eps, count, panel);
  });
}

void normalise(const float* input, const float* residual, const LayerNormWeights& norm,
               float epsilon, std::size_t rows, float* output) {
  kernels::elementwise().layer_norm({.input = input,
                                     .residual = residual,
                                     .weight = norm.weight.data(),
                                     .bias = norm.bias.empty() ? nullptr : norm.bias.data(),
                                     .epsilon = epsilon,
                                     .rows = rows,
                                     .width = norm.weight.size(),
                                     .output = output});
}

}  // namespace narabi::models
