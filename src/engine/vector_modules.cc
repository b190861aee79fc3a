#include "engine/vector_modules.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>

#include "checkpoint/model_folder.h"
#include "models/dense_head.h"
#include "narabi/error.h"

namespace narabi::engine {
namespace {

using checkpoint::ConfigFile;

void l2_normalise(std::vector<float>& vector) {
  double squares = 0;
  for (const float value : vector) squares += static_cast<double>(value) * value;
  const double norm = std::max(std::sqrt(squares), 1e-12);
  for (float& value : vector) value = static_cast<float>(value / norm);
}

float gelu(float x) {
  return static_cast<float>(.5 * x * (1 + std::erf(x / std::numbers::sqrt2)));
}

struct Activation {
  const char* name;  // of the class in torch
  float (*apply)(float);
};

constexpr Activation kActivations[] = {
    {"Tanh", [](float x) { return std::tanh(x); }},
    {"Identity", [](float x) { return x; }},
    {"ReLU", [](float x) { return std::max(x, 0.0f); }},
    {"GELU", gelu},
    {"Sigmoid", [](float x) { return 1 / (1 + std::exp(-x)); }},
};

// "torch.nn.modules.activation.Tanh"; what is absent is Tanh.
Activation read_activation(const ConfigFile& config) {
  const std::string type = config.text("activation_function", "torch.nn.Tanh");
  std::string supported;
  for (const Activation& activation : kActivations) {
    if (type.starts_with("torch.nn.") && type.ends_with(std::string(".") + activation.name))
      return activation;
    supported += std::string(supported.empty() ? "" : ", ") + "torch.nn." + activation.name;
  }
  config.unsupported("activation_function", supported);
}

// y = activation(W x + b); W: [out, in].
struct Dense {
  models::DenseWeights weights;
  Activation activation;
  std::size_t width = 0;
};

std::size_t features(const ConfigFile& config, const char* key) {
  constexpr std::int64_t kMost = 1 << 20;
  const std::int64_t count = config.integer(key);
  if (count < 1 || count > kMost) {
    throw InvalidFormat(config.path() + ": " + key + ": expected 1 to " + std::to_string(kMost) +
                        ", found " + std::to_string(count));
  }
  return static_cast<std::size_t>(count);
}

Dense load_dense_module(const std::string& path, std::size_t width) {
  const checkpoint::ModelFolder folder(path);
  const ConfigFile& config = folder.config();
  for (const char* key : {"module_input_name", "module_output_name"})
    config.one_of(key, {"sentence_embedding"}, "sentence_embedding");
  if (config.flag("use_residual", false)) config.unsupported("use_residual", "false");
  const std::size_t in = features(config, "in_features"), out = features(config, "out_features");
  if (in != width) {
    throw InvalidFormat(config.path() + ": in_features: expected " + std::to_string(width) +
                        ", the width of what comes before, found " + std::to_string(in));
  }
  const auto rows = static_cast<std::int64_t>(out);
  std::vector<checkpoint::TensorSpec> specs = {
      {"linear.weight", {rows, static_cast<std::int64_t>(in)}}};
  if (config.flag("bias", true)) specs.push_back({"linear.bias", {rows}});
  const checkpoint::TensorTable tensors(folder, specs, {"linear."});
  return {models::load_dense(tensors, "linear"), read_activation(config), out};
}

}  // namespace

VectorModules::VectorModules(const EmbedderLayout& layout, std::size_t width) : width_(width) {
  for (const VectorModule& module : layout.modules) {
    if (module.kind == VectorModule::Kind::kNormalize) {
      modules_.emplace_back(l2_normalise);
      continue;
    }
    const auto dense = std::make_shared<const Dense>(load_dense_module(module.folder, width_));
    modules_.emplace_back([dense](std::vector<float>& vector) {
      vector = dense->weights.apply(vector);
      for (float& value : vector) value = dense->activation.apply(value);
    });
    width_ = dense->width;
  }
  width_ = std::min(width_, layout.truncate_dim.value_or(width_));
}

std::vector<float> VectorModules::operator()(std::vector<float> vector) const {
  for (const auto& module : modules_) module(vector);
  vector.resize(width_);
  return vector;
}

}  // namespace narabi::engine
