#include "checkpoint/model_folder.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>

#include "base/mapped_file.h"
#include "base/paths.h"
#include "narabi/error.h"

namespace narabi::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfig = "config.json";
constexpr const char* kWeights = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

std::string checked_folder(const std::string& path) {
  if (!base::exists(path)) throw IoError(path + ": no such folder");
  if (!base::is_folder(path)) throw IoError(path + ": expected a model folder, found a file");
  if (!base::exists(fs::path(path) / kConfig)) {
    throw IoError(path + ": expected a model folder, but it holds no " + kConfig);
  }
  return path;
}

bool holds_pickled_weights(const std::string& path) {
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with("pytorch_model") && name.ends_with(".bin")) return true;
  }
  return false;
}

// The class of transformers that writes all weights of this folder, and none that it makes up.
std::string loader_of(const ConfigFile& config) {
  const std::vector<std::string> names =
      config.has("architectures") ? config.texts("architectures") : std::vector<std::string>{};
  const bool encoder = !names.empty() && !names[0].ends_with("ForSequenceClassification");
  return encoder ? "AutoModel" : "AutoModelForSequenceClassification";
}

[[noreturn]] void no_weights(const std::string& path, const ConfigFile& config) {
  if (!holds_pickled_weights(path)) {
    throw IoError(path + ": expected " + kWeights + " or " + kIndex + ", found neither");
  }
  const std::string found =
      path + ": holds only pytorch_model.bin (pickled weights); narabi reads " + kWeights;
  if (config.has("in_features"))  // a Dense of sentence-transformers
    throw Unsupported(found +
                      ". Convert it once: python3 -c \"import torch; from safetensors.torch import "
                      "save_file as s; s(torch.load('" +
                      path + "/pytorch_model.bin', weights_only=True), '" + path + "/" + kWeights +
                      "')\"");
  throw Unsupported(found + ". Convert it once: python3 -c \"from transformers import " +
                    loader_of(config) + " as M; M.from_pretrained('" + path +
                    "').save_pretrained('" + path + "', safe_serialization=True)\"");
}

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  }
  return text + "]";
}

[[noreturn]] void fail(const ConfigFile& index, const std::string& tensor,
                       const std::string& what) {
  throw InvalidFormat(index.path() + ": weight_map." + tensor + ": " + what);
}

}  // namespace

ModelFolder::ModelFolder(const std::string& path)
    : path_(checked_folder(path)), config_(file(kConfig)) {
  if (has_file(kWeights)) {
    files_.push_back(std::make_unique<Safetensors>(file(kWeights)));
    return;
  }
  if (!has_file(kIndex)) no_weights(path, config_);
  read_shards();
}

void ModelFolder::read_shards() {
  const ConfigFile index(file(kIndex));
  std::map<std::string, std::vector<std::string>> shards;  // and the tensors that should be there
  const std::vector<std::string> names = index.keys("weight_map");
  if (names.empty())
    throw InvalidFormat(index.path() + ": weight_map: expected tensors, found none");
  for (const std::string& name : names) {
    const std::string shard = index.text("weight_map." + name);
    const bool plain = shard.find_first_of(std::string_view("/\0", 2)) == std::string::npos;
    if (!plain || shard == "..") {
      fail(index, name, "expected the name of a file in the same folder, found " + shard);
    }
    shards[shard].push_back(name);
  }
  for (const auto& [shard, promised] : shards) {
    if (!has_file(shard)) {
      throw IoError(index.path() + ": names the shard " + shard + ", which is not in the folder");
    }
    auto opened = std::make_unique<Safetensors>(file(shard));
    for (const auto& [name, tensor] : opened->tensors()) {
      if (find(name) != nullptr) {
        throw InvalidFormat(opened->path() + ": tensor " + name + " is in another shard, too");
      }
    }
    for (const std::string& name : promised) {
      if (opened->tensors().contains(name)) continue;
      fail(index, name, "the shard " + shard + " does not hold this tensor");
    }
    files_.push_back(std::move(opened));
  }
}

std::string ModelFolder::file(std::string_view name) const {
  return (fs::path(path_) / name).string();
}

bool ModelFolder::has_file(std::string_view name) const {
  return base::is_file(fs::path(path_) / name);
}

const TensorView* ModelFolder::find(std::string_view name) const {
  for (const auto& file : files_) {
    const auto found = file->tensors().find(std::string(name));
    if (found != file->tensors().end()) return &found->second;
  }
  return nullptr;
}

std::vector<std::string> ModelFolder::tensor_names() const {
  std::vector<std::string> names;
  for (const auto& file : files_) {
    for (const auto& [name, tensor] : file->tensors()) names.push_back(name);
  }
  return names;
}

bool is_position_ids(std::string_view name) {
  return name.ends_with("position_ids");
}

TensorTable::TensorTable(const ModelFolder& folder, const std::vector<TensorSpec>& specs,
                         const std::vector<std::string>& owned)
    : folder_(&folder) {
  for (const TensorSpec& spec : specs) {
    const TensorView* tensor = folder.find(spec.name);
    if (tensor == nullptr) {
      throw InvalidFormat(folder.path() + ": expected the tensor " + spec.name + " " +
                          shape_text(spec.shape) + ", found none of this name");
    }
    if (tensor->shape != spec.shape) {
      throw InvalidFormat(folder.path() + ": tensor " + spec.name + ": expected the shape " +
                          shape_text(spec.shape) + " (from config.json), found " +
                          shape_text(tensor->shape));
    }
    if (!has_float_values(tensor->dtype)) {
      throw InvalidFormat(folder.path() + ": tensor " + spec.name +
                          ": expected F32, F16 or BF16, found " + name_of(tensor->dtype));
    }
    names_.insert(spec.name);
  }
  for (const std::string& name : extras()) {
    for (const std::string& prefix : owned) {
      if (name.starts_with(prefix) && !is_position_ids(name)) {
        throw InvalidFormat(folder.path() + ": holds the tensor " + name +
                            ", which config.json says the model does not have");
      }
    }
  }
}

const TensorView& TensorTable::at(const std::string& name) const {
  return *folder_->find(name);
}

bool TensorTable::has(const std::string& name) const {
  return names_.contains(name);
}

const TensorView* TensorTable::extra(const std::string& name) const {
  return names_.contains(name) ? nullptr : folder_->find(name);
}

std::vector<float> TensorTable::f32(const std::string& name) const {
  if (!names_.contains(name)) return {};
  std::vector<float> values = to_f32(at(name), where(name));
  base::MappedFile::forget(at(name).data);  // it is not needed twice
  return values;
}

void TensorTable::require_finite(const std::string& name) const {
  constexpr std::size_t kPiece = 8 << 20;  // bytes: a multiple of every value's size
  const TensorView& tensor = at(name);
  for (std::size_t begin = 0; begin < tensor.data.size(); begin += kPiece) {
    const auto piece = tensor.data.subspan(begin, std::min(kPiece, tensor.data.size() - begin));
    if (!all_finite(piece, tensor.dtype)) to_f32(tensor, where(name));  // throws, with the place
    base::MappedFile::forget(piece);
  }
}

std::string TensorTable::where(const std::string& name) const {
  return folder_->path() + ": tensor " + name;
}

std::int64_t TensorTable::parameters() const {
  std::int64_t count = 0;
  for (const std::string& name : names_) count += at(name).elements();
  return count;
}

std::vector<std::string> TensorTable::extras() const {
  std::vector<std::string> extras;
  for (const std::string& name : folder_->tensor_names()) {
    if (!names_.contains(name)) extras.push_back(name);
  }
  return extras;
}

}  // namespace narabi::checkpoint
