#include "rerank/activation.h"

#include <cmath>
#include <filesystem>

#include "checkpoint/config_file.h"
#include "engine/sentence_transformers.h"
#include "narabi/error.h"

namespace narabi::rerank {
namespace {

using checkpoint::ConfigFile;

std::string in(const std::string& folder, const char* file) {
  return (std::filesystem::path(folder) / file).string();
}

Activation named(const ConfigFile& config, const char* key) {
  const std::string name = config.text(key);
  if (name.ends_with(".Sigmoid")) return Activation::kSigmoid;
  if (name.ends_with(".Identity")) return Activation::kIdentity;
  config.unsupported(key, "torch.nn.modules.activation.Sigmoid, torch.nn.modules.linear.Identity");
}

}  // namespace

Activation read_activation(const std::string& folder) {
  const auto settings = engine::cross_encoder_settings(folder);
  if (settings && settings->has("activation_fn")) return named(*settings, "activation_fn");
  const ConfigFile config(in(folder, "config.json"));
  for (const char* key :
       {"sentence_transformers.activation_fn", "sbert_ce_default_activation_function"}) {
    if (config.has(key)) return named(config, key);
  }
  return Activation::kSigmoid;
}

float activate(Activation activation, float logit) {
  if (activation == Activation::kIdentity) return logit;
  return static_cast<float>(1.0 / (1.0 + std::exp(-static_cast<double>(logit))));
}

std::map<std::string, double> read_blend(const std::string& folder) {
  const ConfigFile file = ConfigFile::empty(in(folder, "narabi.json"));
  std::map<std::string, double> weights;
  for (const std::string& stage : file.keys("blend")) {
    const double weight = file.number("blend." + stage);
    if (!std::isfinite(weight))
      throw InvalidFormat(file.path() + ": blend." + stage + ": expected a finite number");
    weights[stage] = weight;
  }
  return weights;
}

}  // namespace narabi::rerank
