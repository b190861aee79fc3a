#include "models/modernbert/deepen.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <optional>

#include "checkpoint/derived_folder.h"
#include "models/config_fields.h"
#include "models/modernbert/config.h"
#include "narabi/error.h"

namespace narabi::models::modernbert {
namespace {

using checkpoint::ModelFolder;
using checkpoint::TensorToWrite;
using checkpoint::TensorView;

// One layer of the deeper model.
struct Origin {
  int layer = 0;  // of the model it is made of
  bool copy = false;
};

// The layers after which global and local attention repeat themselves.
int turn_of(const checkpoint::ConfigFile& file, const Config& config) {
  if (!file.has("layer_types")) return positive(file, "global_attn_every_n_layers");
  const std::vector<bool>& global = config.global;
  std::size_t turn = 1;
  while (
      !std::equal(global.begin() + static_cast<std::ptrdiff_t>(turn), global.end(), global.begin()))
    ++turn;
  return static_cast<int>(turn);
}

std::vector<Origin> origins_of(const ModelFolder& folder, const Config& config, int layers) {
  const int turn = turn_of(folder.config(), config);
  if (layers > kMaxLayers) {
    throw InvalidArgument(folder.path() + ": layers: expected at most " +
                          std::to_string(kMaxLayers) + ", found " + std::to_string(layers));
  }
  const int turns = config.layers / turn, more = (layers - config.layers) / turn;
  if (layers <= config.layers || turns == 0 || config.layers + more * turn != layers) {
    throw InvalidArgument(folder.path() + ": layers: expected " + std::to_string(config.layers) +
                          " + a multiple of " + std::to_string(turn) +
                          " (global and local layers take turns), found " + std::to_string(layers));
  }
  std::vector<int> copies(static_cast<std::size_t>(turns));  // after each turn
  for (int i = 1; i <= more; ++i)
    ++copies[static_cast<std::size_t>(std::max(i * turns / more - 1, 0))];
  std::vector<Origin> origins;
  for (int layer = 0; layer < config.layers; ++layer) {
    origins.push_back({layer, false});
    const int ended = (layer + 1) / turn;  // turns
    if ((layer + 1) % turn != 0) continue;
    for (int i = 0; i < copies[static_cast<std::size_t>(ended - 1)] * turn; ++i)
      origins.push_back({layer + 1 - turn + i % turn, true});
  }
  return origins;
}

// "model.layers.3.attn.Wo.weight": what stands before the number, the number, what follows it.
struct LayerName {
  std::string prefix;
  int layer = 0;
  std::string rest;
};

std::optional<LayerName> layer_name(const std::string& name) {
  constexpr std::string_view kLayers = "layers.";
  const std::size_t at = name.find(kLayers);
  if (at == std::string::npos || (at != 0 && name[at - 1] != '.')) return std::nullopt;
  LayerName parts;
  parts.prefix = name.substr(0, at + kLayers.size());
  const char* end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + parts.prefix.size(), end, parts.layer);
  if (error != std::errc() || rest == end || *rest != '.') return std::nullopt;
  parts.rest.assign(rest, end);
  return parts;
}

bool is_last_product(const std::string& rest) {
  return rest.starts_with(".attn.Wo.") || rest.starts_with(".mlp.Wo.");
}

std::string deeper_config(const ModelFolder& folder, const Config& config,
                          const std::vector<Origin>& origins) {
  std::map<std::string, checkpoint::ConfigValue> values;
  values["num_hidden_layers"] = static_cast<std::int64_t>(origins.size());
  if (folder.config().has("layer_types")) {
    std::vector<std::string> types;
    for (const Origin& origin : origins) {
      const bool global = config.global[static_cast<std::size_t>(origin.layer)];
      types.push_back(global ? "full_attention" : "sliding_attention");
    }
    values["layer_types"] = types;
  }
  return folder.config().text_with(values);
}

}  // namespace

void deepen(const std::string& path, int layers, const std::string& output) {
  const ModelFolder folder(path);
  checkpoint::require_unpacked(path);
  folder.config().one_of("model_type", {"modernbert"});
  const Config config = read_config(folder.config());
  const std::vector<Origin> origins = origins_of(folder, config, layers);
  checkpoint::check_derived_output(folder, output);

  std::map<int, std::vector<std::pair<LayerName, const TensorView*>>> of_layer;
  std::vector<TensorToWrite> tensors;
  for (const std::string& name : folder.tensor_names()) {
    const TensorView* tensor = folder.find(name);
    if (const auto parts = layer_name(name)) {
      of_layer[parts->layer].emplace_back(*parts, tensor);
    } else {
      tensors.push_back({name, tensor->dtype, tensor->shape, tensor->data});
    }
  }
  std::deque<std::vector<std::byte>> made;  // its elements stay where they are
  const auto constant = [&](const TensorView& like, float value) {
    const std::vector<float> values(static_cast<std::size_t>(like.elements()), value);
    return std::span<const std::byte>(made.emplace_back(checkpoint::narrow(values, like.dtype)));
  };
  for (std::size_t layer = 0; layer < origins.size(); ++layer) {
    const Origin origin = origins[layer];
    for (const auto& [parts, tensor] : of_layer[origin.layer]) {
      const std::string start = parts.prefix + std::to_string(layer);
      const bool zero = origin.copy && is_last_product(parts.rest);
      tensors.push_back({start + parts.rest, tensor->dtype, tensor->shape,
                         zero ? constant(*tensor, 0) : tensor->data});
      // The first layer has no norm before attention, its copy has: one that scales nothing.
      constexpr std::string_view kNorm = ".mlp_norm.";
      if (origin.layer > 0 || !origin.copy || !parts.rest.starts_with(kNorm)) continue;
      const std::string field = parts.rest.substr(kNorm.size());
      tensors.push_back({start + ".attn_norm." + field, tensor->dtype, tensor->shape,
                         constant(*tensor, field == "weight" ? 1 : 0)});
    }
  }
  checkpoint::write_derived_folder(folder, output, tensors, nullptr,
                                   deeper_config(folder, config, origins));
}

}  // namespace narabi::models::modernbert
