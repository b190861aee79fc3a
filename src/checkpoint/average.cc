#include "checkpoint/average.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "base/line_reader.h"
#include "checkpoint/derived_folder.h"
#include "narabi/error.h"

namespace narabi::checkpoint {
namespace {

using nlohmann::json;

// What the same weights would compute something else by. Other keys speak of training, of versions
// and of names.
constexpr const char* kDecisive[] = {"model_type",
                                     "hidden_size",
                                     "num_hidden_layers",
                                     "num_attention_heads",
                                     "intermediate_size",
                                     "vocab_size",
                                     "type_vocab_size",
                                     "max_position_embeddings",
                                     "position_embedding_type",
                                     "pad_token_id",
                                     "hidden_act",
                                     "hidden_activation",
                                     "layer_norm_eps",
                                     "norm_eps",
                                     "norm_bias",
                                     "attention_bias",
                                     "mlp_bias",
                                     "local_attention",
                                     "global_attn_every_n_layers",
                                     "layer_types",
                                     "global_rope_theta",
                                     "local_rope_theta",
                                     "rope_parameters",
                                     "rope_scaling",
                                     "classifier_activation",
                                     "classifier_bias",
                                     "classifier_pooling"};

json value_at(const json& object, const std::string& key) {
  return object.is_object() ? object.value(key, json()) : json();
}

void require_same_value(const std::string& where, const json& expected, const json& found,
                        const std::string& first) {
  const auto shown = [](const json& value) { return value.is_null() ? "none" : value.dump(); };
  if (found != expected)
    throw InvalidArgument(where + ": expected " + shown(expected) + " as in " + first + ", found " +
                          shown(found));
}

void require_same_architecture(const ModelFolder& first, const ModelFolder& other) {
  const json expected = json::parse(base::read_file(first.config().path()));
  const json found = json::parse(base::read_file(other.config().path()));
  for (const char* key : kDecisive)
    require_same_value(other.config().path() + ": " + key, value_at(expected, key),
                       value_at(found, key), first.path());
}

// Of sentence-transformers, by class; nothing for another folder.
json modules_of(const ModelFolder& folder) {
  if (!folder.has_file("modules.json")) return json();
  json classes = json::array();
  for (const ConfigFile& module : ConfigFile(folder.file("modules.json")).elements()) {
    const std::string type = module.text("type");
    classes.push_back(type.substr(type.rfind('.') + 1));
  }
  return classes;
}

// What becomes of the hidden states: the modules, and the settings of each.
void require_same_modules(const ModelFolder& first, const ModelFolder& other) {
  require_same_value(other.file("modules.json"), modules_of(first), modules_of(other),
                     first.path());
  for (const std::string& module : module_folders(first)) {
    if (first.has_file(module + "/model.safetensors"))
      throw Unsupported(first.file(module) + ": weights of a module are not averaged");
    const std::string name = module + "/config.json";
    if (!first.has_file(name)) continue;
    const json expected = json::parse(base::read_file(first.file(name)), nullptr, false);
    const json found = json::parse(base::read_file(other.file(name)), nullptr, false);
    for (const json& settings : {expected, found}) {
      for (const auto& [key, value] : settings.items())
        require_same_value(other.file(name) + ": " + key, value_at(expected, key),
                           value_at(found, key), first.path());
    }
  }
}

void require_same_tokenizer(const ModelFolder& first, const ModelFolder& other) {
  for (const char* name : {"tokenizer.json", "vocab.txt", "tokenizer.model", "spiece.model",
                           "sentencepiece.bpe.model"}) {
    const bool expected = first.has_file(name);
    if (expected == other.has_file(name) &&
        (!expected || base::read_file(first.file(name)) == base::read_file(other.file(name))))
      continue;
    throw InvalidArgument(other.path() + ": " + name + ": expected the tokenizer of " +
                          first.path() + ", found another");
  }
}

const TensorView& same_tensor(const ModelFolder& folder, const TensorView& expected) {
  const TensorView* found = folder.find(expected.name);
  if (found == nullptr || found->shape != expected.shape) {
    throw InvalidArgument(folder.path() + ": tensor " + expected.name + ": expected " +
                          "the shape that the first model has, found " +
                          (found == nullptr ? "none" : "another"));
  }
  return *found;
}

std::vector<float> mean_of(std::span<const ModelFolder> models, const TensorView& first) {
  std::vector<double> sum(static_cast<std::size_t>(first.elements()), -0.0);  // 0 + -0 is 0
  for (const ModelFolder& model : models) {
    const std::vector<float> values =
        to_f32(same_tensor(model, first), model.path() + ": tensor " + first.name);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += values[i];
  }
  std::vector<float> mean(sum.size());
  for (std::size_t i = 0; i < sum.size(); ++i)
    mean[i] = static_cast<float>(sum[i] / static_cast<double>(models.size()));
  return mean;
}

}  // namespace

void average_folders(std::span<const std::string> folders, const std::string& output) {
  if (folders.size() < 2) throw InvalidArgument("expected two models or more to average");
  std::vector<ModelFolder> models;
  for (const std::string& folder : folders) {
    models.emplace_back(folder);
    require_unpacked(folder);
  }
  const ModelFolder& first = models[0];
  check_derived_output(first, output);
  for (const ModelFolder& other : std::span(models).subspan(1)) {
    require_same_architecture(first, other);
    require_same_modules(first, other);
    require_same_tokenizer(first, other);
    for (const std::string& name : other.tensor_names()) {
      if (first.find(name) == nullptr && !is_position_ids(name))
        throw InvalidArgument(other.path() + ": tensor " + name + ": " + first.path() +
                              " has none of this name");
    }
  }
  std::vector<TensorToWrite> tensors;
  std::vector<std::vector<std::byte>> data;
  for (const std::string& name : first.tensor_names()) {
    if (is_position_ids(name)) continue;  // no weights, and nobody misses them
    const TensorView& tensor = *first.find(name);
    data.push_back(narrow(mean_of(models, tensor), tensor.dtype));
    tensors.push_back({name, tensor.dtype, tensor.shape, data.back()});
  }
  write_derived_folder(first, output, tensors);
}

}  // namespace narabi::checkpoint
