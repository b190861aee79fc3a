#include "models/modernbert/config.h"

#include "models/config_fields.h"
#include "narabi/error.h"

namespace narabi::models::modernbert {
namespace {

using checkpoint::ConfigFile;

std::vector<bool> read_layer_kinds(const ConfigFile& file, int layers) {
  std::vector<bool> global;
  if (!file.has("layer_types")) {
    const int every = positive(file, "global_attn_every_n_layers");
    for (int layer = 0; layer < layers; ++layer) global.push_back(layer % every == 0);
    return global;
  }
  for (const std::string& kind : file.texts("layer_types")) {
    if (kind != "full_attention" && kind != "sliding_attention") {
      file.unsupported("layer_types", "full_attention, sliding_attention");
    }
    global.push_back(kind == "full_attention");
  }
  if (global.size() != static_cast<std::size_t>(layers)) {
    throw InvalidFormat(file.path() +
                        ": layer_types: expected num_hidden_layers = " + std::to_string(layers) +
                        " entries, found " + std::to_string(global.size()));
  }
  return global;
}

// "rope_parameters.<kind>.rope_theta" (version 5), else `old_key` (version 4).
double read_theta(const ConfigFile& file, const std::string& kind, const char* old_key) {
  const std::string section = "rope_parameters." + kind;
  std::string key = old_key;
  if (file.has(section)) {
    file.one_of(section + ".rope_type", {"default"}, "default");
    key = section + ".rope_theta";
  }
  if (file.has("rope_scaling")) file.unsupported("rope_scaling", "null");
  const double theta = file.number(key);
  if (!(theta > 1)) {
    throw InvalidFormat(file.path() + ": " + key + ": expected a number above 1, found " +
                        std::to_string(theta));
  }
  return theta;
}

}  // namespace

Config read_config(const ConfigFile& file) {
  Config config;
  config.hidden = positive(file, "hidden_size");
  config.heads = positive(file, "num_attention_heads");
  config.intermediate = positive(file, "intermediate_size");
  config.layers = positive(file, "num_hidden_layers", kMaxLayers);
  config.vocabulary = positive(file, "vocab_size");
  config.positions = positive(file, "max_position_embeddings", kMaxRotaryPositions);
  require_whole_heads(file, config.hidden, config.heads);
  if (config.hidden / config.heads % 2 != 0) {
    file.unsupported("num_attention_heads", "heads of an even size (rotary positions turn pairs)");
  }
  config.norm_eps = epsilon(file, "norm_eps", 1e-5);
  config.norm_bias = file.flag("norm_bias", false);
  config.attention_bias = file.flag("attention_bias", false);
  config.mlp_bias = file.flag("mlp_bias", false);
  config.classifier_bias = file.flag("classifier_bias", false);
  file.one_of("hidden_activation", {"gelu"}, "gelu");
  file.one_of("classifier_activation", {"gelu"}, "gelu");
  const std::string pooling = file.one_of("classifier_pooling", {"cls", "mean"}, "cls");
  config.classifier_pooling = pooling == "cls" ? Pooling::kCls : Pooling::kMean;
  config.window = positive(file, "local_attention") / 2;
  if (config.window == 0) file.unsupported("local_attention", "2 or more");
  if (file.has("sliding_window"))
    file.unsupported("sliding_window", "null (local_attention says it)");
  config.global = read_layer_kinds(file, config.layers);
  config.global_theta = read_theta(file, "full_attention", "global_rope_theta");
  config.local_theta = read_theta(file, "sliding_attention", "local_rope_theta");
  return config;
}

}  // namespace narabi::models::modernbert
