#include "narabi/inspect.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "checkpoint/model_folder.h"
#include "checkpoint/model_record.h"
#include "engine/limits.h"
#include "engine/sentence_transformers.h"
#include "engine/vector_modules.h"
#include "models/registry.h"
#include "narabi/error.h"
#include "narabi/tokenizer.h"

namespace narabi {
namespace {

// Runs a part; what it cannot do is a finding, not a failure.
template <typename Part>
void find_out(std::vector<std::string>& unsupported, Part part) {
  try {
    part();
  } catch (const Error& error) {
    // Two parts may stumble over the same key.
    if (std::find(unsupported.begin(), unsupported.end(), error.what()) == unsupported.end())
      unsupported.push_back(error.what());
  }
}

std::string stored_as(const checkpoint::ModelFolder& folder) {
  std::string kinds;
  for (const std::string& name : folder.tensor_names()) {
    if (checkpoint::is_position_ids(name)) continue;
    const std::string kind = checkpoint::short_name_of(folder.find(name)->dtype);
    if (kinds.find(kind) == std::string::npos) kinds += (kinds.empty() ? "" : ", ") + kind;
  }
  return kinds;
}

std::int64_t bytes_of(const checkpoint::ModelFolder& folder) {
  std::size_t bytes = 0;
  for (const std::string& name : folder.tensor_names()) bytes += folder.find(name)->data.size();
  return static_cast<std::int64_t>(bytes);
}

void describe_encoder(const checkpoint::ModelFolder& folder, ModelSummary& summary) {
  const models::ModelShape shape = models::read_shape(folder);
  summary.architecture = shape.architecture;
  summary.layers = shape.encoder.layers;
  summary.hidden = shape.encoder.hidden;
  summary.intermediate = shape.encoder.intermediate;
  summary.heads = shape.encoder.heads;
  summary.vocabulary = shape.encoder.vocabulary;
  summary.max_positions = shape.encoder.max_tokens;
  summary.pooling = shape.pooling;
  summary.parameters = shape.parameters;
  summary.extra_tensors = shape.extras;
  summary.memory_bytes = {{"f32", shape.parameters * 4}};
  if (checkpoint::is_stamped(folder.path())) summary.memory_bytes = {{"int8", bytes_of(folder)}};
}

void describe_model(const std::string& path, ModelSummary& summary) {
  const checkpoint::ModelFolder folder(path);
  summary.stored_as = stored_as(folder);
  find_out(summary.unsupported, [&] {
    if (!folder.config().has("architectures")) return;  // describe_encoder() finds one
    for (const std::string& name : folder.config().texts("architectures"))
      summary.architecture += (summary.architecture.empty() ? "" : ", ") + name;
  });
  find_out(summary.unsupported, [&] { describe_encoder(folder, summary); });
}

// A table of vectors, one a token; sentence-transformers has no config.json for it.
void describe_static(const std::string& folder, ModelSummary& summary) {
  const checkpoint::Safetensors file(
      (std::filesystem::path(folder) / "model.safetensors").string());
  const checkpoint::TensorView& table = engine::find_static_table(file);
  summary.architecture = "StaticEmbedding";
  summary.vocabulary = static_cast<int>(table.shape[0]);
  summary.hidden = static_cast<int>(table.shape[1]);
  summary.stored_as = checkpoint::short_name_of(table.dtype);
  summary.parameters = table.elements();
  summary.memory_bytes = {{"f32", summary.parameters * 4}};
}

// What a folder of sentence-transformers says; nothing for another folder.
std::optional<engine::EmbedderLayout> layout_of(const std::string& path, ModelSummary& summary) {
  std::optional<engine::EmbedderLayout> layout;
  find_out(summary.unsupported, [&] {
    if (engine::is_embedder(path)) layout = engine::read_layout(path);
    engine::cross_encoder_settings(path);
  });
  return layout;
}

}  // namespace

ModelSummary inspect(const std::string& path) {
  ModelSummary summary;
  const auto layout = layout_of(path, summary);
  const std::string encoder = layout ? layout->encoder : path;
  if (layout && layout->is_static) {
    describe_static(encoder, summary);
  } else {
    describe_model(encoder, summary);
  }
  if (layout && summary.hidden > 0) {
    find_out(summary.unsupported,
             [&] { engine::VectorModules(*layout, static_cast<std::size_t>(summary.hidden)); });
  }
  if (layout) summary.pooling = layout->pooling == engine::Pooling::kCls ? "cls" : "mean";
  find_out(summary.unsupported, [&] {
    const Tokenizer tokenizer(encoder);
    summary.tokenizer = tokenizer.description();
    if (summary.vocabulary > 0) {
      engine::require_vocabulary(path, tokenizer.vocabulary_size(), summary.vocabulary);
    }
  });
  return summary;
}

}  // namespace narabi
