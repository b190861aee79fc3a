#include "narabi/inspect.h"

#include "checkpoint/model_folder.h"
#include "engine/limits.h"
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
    unsupported.push_back(error.what());
  }
}

std::string stored_as(const checkpoint::ModelFolder& folder) {
  std::string kinds;
  for (const std::string& name : folder.tensor_names()) {
    const std::string kind = checkpoint::name_of(folder.find(name)->dtype);
    if (kinds.find(kind) == std::string::npos) kinds += (kinds.empty() ? "" : ", ") + kind;
  }
  return kinds;
}

}  // namespace

ModelSummary inspect(const std::string& path) {
  const checkpoint::ModelFolder folder(path);
  ModelSummary summary;
  summary.stored_as = stored_as(folder);
  if (folder.config().has("architectures"))
    summary.architecture = folder.config().texts("architectures").at(0);
  find_out(summary.unsupported, [&] {
    const models::ModelShape shape = models::read_shape(folder);
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
  });
  find_out(summary.unsupported, [&] {
    const Tokenizer tokenizer(path);
    summary.tokenizer = tokenizer.description();
    if (summary.vocabulary > 0) {
      engine::require_vocabulary(path, tokenizer.vocabulary_size(), summary.vocabulary);
    }
  });
  return summary;
}

}  // namespace narabi
