#include "engine/sentence_transformers.h"

#include <filesystem>

#include "base/paths.h"
#include "narabi/error.h"

namespace narabi::engine {
namespace {

namespace fs = std::filesystem;
using checkpoint::ConfigFile;

constexpr std::int64_t kMaxExtent = 1 << 24;
constexpr const char* kModules = "modules.json";
constexpr const char* kSettings = "config_sentence_transformers.json";

// What a Transformer module says of itself. Old versions named the file after the class of the
// model; the reference takes the first that says something, in this order.
ConfigFile transformer_config(const fs::path& folder) {
  for (const char* name : {"sentence_bert_config.json", "sentence_roberta_config.json",
                           "sentence_distilbert_config.json", "sentence_camembert_config.json",
                           "sentence_albert_config.json", "sentence_xlm-roberta_config.json",
                           "sentence_xlnet_config.json"}) {
    ConfigFile config = ConfigFile::empty((folder / name).string());
    if (!config.keys().empty()) return config;
  }
  return ConfigFile::empty((folder / "sentence_bert_config.json").string());
}

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
  const ConfigFile config = transformer_config(folder);
  if (config.has("max_seq_length")) {
    const std::int64_t length = config.integer("max_seq_length");
    if (length < 1 || length > kMaxExtent) {
      throw InvalidFormat(config.path() + ": max_seq_length: expected 1 to " +
                          std::to_string(kMaxExtent) + ", found " + std::to_string(length));
    }
    layout.max_length = static_cast<int>(length);
  }
  layout.lowercase = config.flag("do_lower_case", false);
}

// StaticEmbedding hands texts to the tokenizers library, which truncates as tokenizer.json says;
// transformers, which the other embedders go through, overrules that.
void read_static(const fs::path& folder, EmbedderLayout& layout) {
  layout.is_static = true;
  layout.encoder = folder.string();
  const ConfigFile config = ConfigFile::empty((folder / "tokenizer.json").string());
  if (!config.has("truncation")) return;
  config.one_of("truncation.direction", {"Right"}, "Right");
  const std::int64_t length = config.integer("truncation.max_length");
  if (length < 0) {
    throw InvalidFormat(config.path() + ": truncation.max_length: expected 0 or more, found " +
                        std::to_string(length));
  }
  layout.static_ids = static_cast<std::size_t>(length);
}

void read_settings(const fs::path& root, EmbedderLayout& layout) {
  const ConfigFile config = ConfigFile::empty((root / kSettings).string());
  if (config.has("truncate_dim")) {
    const std::int64_t kept = config.integer("truncate_dim");
    if (kept < 1) {
      throw InvalidFormat(config.path() + ": truncate_dim: expected 1 or more, found " +
                          std::to_string(kept));
    }
    layout.truncate_dim = static_cast<std::size_t>(kept);
  }
  std::string names;
  for (const std::string& name : config.keys("prompts")) {
    layout.prompts[name] = config.text("prompts." + name);
    names += (names.empty() ? "" : ", ") + name;
  }
  const std::string chosen = config.text("default_prompt_name", "");
  if (chosen.empty()) return;
  const auto found = layout.prompts.find(chosen);
  if (found == layout.prompts.end()) {
    throw InvalidFormat(config.path() + ": default_prompt_name: expected one of prompts (" + names +
                        "), found " + chosen);
  }
  layout.default_prompt = found->second;
  // A query and a document have their own, if only an empty one: the default is for neither.
  for (const char* kind : {"query", "document"}) layout.prompts.try_emplace(kind, "");
}

}  // namespace

bool is_embedder(const std::string& folder) {
  const fs::path root(folder);
  if (!base::exists(root / kModules)) return false;
  const ConfigFile settings = ConfigFile::empty((root / kSettings).string());
  return settings.text("model_type", "") != "CrossEncoder" &&
         transformer_config(root).text("transformer_task", "") != "sequence-classification";
}

std::optional<ConfigFile> cross_encoder_settings(const std::string& folder) {
  const fs::path root(folder);
  if (!base::exists(root / kModules)) return std::nullopt;
  ConfigFile settings = ConfigFile::empty((root / kSettings).string());
  if (settings.text("model_type", "") != "CrossEncoder") return std::nullopt;
  const std::string prompt = settings.text("default_prompt_name", "");
  if (!prompt.empty() && !settings.text("prompts." + prompt, "").empty()) {
    settings.unsupported("default_prompt_name",
                         "null for a reranker (queries then come with the prompt in front)");
  }
  return settings;
}

EmbedderLayout read_layout(const std::string& folder) {
  const fs::path root(folder);
  if (!base::is_folder(root)) throw IoError(folder + ": no such folder");
  if (!base::exists(root / kModules)) {
    throw IoError(folder +
                  ": expected an embedder in the layout of sentence-transformers, but it holds no "
                  "modules.json");
  }
  EmbedderLayout layout;
  bool pooled = false;
  for (const ConfigFile& module : ConfigFile((root / kModules).string()).elements()) {
    const std::string type = class_name(module.text("type"));
    const fs::path place = root / module.text("path", "");
    if (type == "Transformer") {
      read_transformer(place, layout);
    } else if (type == "StaticEmbedding") {
      read_static(place, layout);
    } else if (type == "Pooling") {
      layout.pooling = read_pooling(place);
      pooled = true;
    } else if (type == "Normalize") {
      layout.modules.push_back({VectorModule::Kind::kNormalize, place.string()});
    } else if (type == "Dense") {
      layout.modules.push_back({VectorModule::Kind::kDense, place.string()});
    } else {
      module.unsupported("type", "Transformer, Pooling, Dense, Normalize, StaticEmbedding");
    }
    if (!layout.modules.empty() && !pooled && !layout.is_static)
      module.unsupported("type", "Transformer and Pooling, or StaticEmbedding, before others");
  }
  if (layout.encoder.empty() || (!layout.is_static && !pooled)) {
    throw InvalidFormat(folder +
                        "/modules.json: expected Transformer and Pooling, or StaticEmbedding");
  }
  read_settings(root, layout);
  return layout;
}

const checkpoint::TensorView& find_static_table(const checkpoint::Safetensors& file) {
  auto found = file.tensors().find("embedding.weight");
  if (found == file.tensors().end()) {
    found = file.tensors().find("embeddings");  // as model2vec calls it
    for (const char* name : {"mapping", "weights"}) {
      if (!file.tensors().contains(name)) continue;
      throw Unsupported(file.path() + ": holds the tensor " + name +
                        ", by which model2vec looks up or weights the rows of embeddings; "
                        "supported: the table alone");
    }
  }
  if (found == file.tensors().end() || found->second.shape.size() != 2) {
    throw InvalidFormat(file.path() +
                        ": expected the tensor embedding.weight or embeddings [vocabulary, "
                        "dimension]");
  }
  for (const std::int64_t extent : found->second.shape) {
    if (extent >= 1 && extent <= kMaxExtent) continue;
    throw InvalidFormat(file.path() + ": tensor " + found->first + ": expected extents from 1 to " +
                        std::to_string(kMaxExtent) + ", found " + std::to_string(extent));
  }
  return found->second;
}

}  // namespace narabi::engine
