#include "engine/sentence_transformers.h"

#include <filesystem>

#include "base/paths.h"
#include "checkpoint/config_file.h"
#include "narabi/error.h"

namespace narabi::engine {
namespace {

namespace fs = std::filesystem;
using checkpoint::ConfigFile;

Pooling read_pooling(const fs::path& folder) {
  const ConfigFile config((folder / "config.json").string());
  if (!config.flag("include_prompt", true)) config.unsupported("include_prompt", "true");
  std::string mode = config.text("pooling_mode", "");  // the newer form
  for (const std::string& key : config.keys()) {
    if (!key.starts_with("pooling_mode_") || !config.flag(key)) continue;
    if (key != "pooling_mode_cls_token" && key != "pooling_mode_mean_tokens") {
      config.unsupported(key, "pooling_mode_cls_token, pooling_mode_mean_tokens");
    }
    if (!mode.empty()) config.unsupported(key, "one pooling mode");
    mode = key == "pooling_mode_cls_token" ? "cls" : "mean";
  }
  if (mode == "cls") return Pooling::kCls;
  if (mode == "mean") return Pooling::kMean;
  config.unsupported("pooling_mode", "cls, mean");
}

// "sentence_transformers.models.Transformer" -> "Transformer"
std::string class_name(const std::string& type) {
  return type.substr(type.rfind('.') + 1);
}

void read_transformer(const fs::path& folder, EmbedderLayout& layout) {
  layout.encoder = folder.string();
  const ConfigFile config = ConfigFile::empty((folder / "sentence_bert_config.json").string());
  layout.max_length = static_cast<int>(config.integer("max_seq_length", 0));
  layout.lowercase = config.flag("do_lower_case", false);
}

}  // namespace

EmbedderLayout read_layout(const std::string& folder) {
  const fs::path root(folder);
  if (!base::is_folder(root)) throw IoError(folder + ": no such folder");
  if (!base::exists(root / "modules.json")) {
    throw IoError(folder +
                  ": expected an embedder in the layout of sentence-transformers, but it holds no "
                  "modules.json");
  }
  EmbedderLayout layout;
  bool pooled = false;
  for (const ConfigFile& module : ConfigFile((root / "modules.json").string()).elements()) {
    const std::string type = class_name(module.text("type"));
    const fs::path place = root / module.text("path", "");
    if (type == "Transformer") {
      read_transformer(place, layout);
    } else if (type == "StaticEmbedding") {
      layout.is_static = true;
      layout.encoder = place.string();
    } else if (type == "Pooling") {
      layout.pooling = read_pooling(place);
      pooled = true;
    } else if (type == "Normalize") {
      layout.normalise = true;
    } else {
      module.unsupported("type", "Transformer, Pooling, Normalize, StaticEmbedding");
    }
  }
  if (layout.encoder.empty() || (!layout.is_static && !pooled)) {
    throw InvalidFormat(folder +
                        "/modules.json: expected Transformer and Pooling, or StaticEmbedding");
  }
  const ConfigFile config =
      ConfigFile::empty((root / "config_sentence_transformers.json").string());
  for (const std::string& name : config.keys("prompts"))
    layout.prompts[name] = config.text("prompts." + name);
  return layout;
}

const checkpoint::TensorView& find_static_table(const checkpoint::Safetensors& file) {
  const auto found = file.tensors().find("embedding.weight");
  if (found == file.tensors().end() || found->second.shape.size() != 2) {
    throw InvalidFormat(file.path() +
                        ": expected the tensor embedding.weight [vocabulary, dimension]");
  }
  return found->second;
}

}  // namespace narabi::engine
