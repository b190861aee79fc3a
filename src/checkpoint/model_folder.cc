#include "checkpoint/model_folder.h"

#include <filesystem>

#include "narabi/error.h"

namespace narabi::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfig = "config.json";
constexpr const char* kWeights = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

std::string checked_folder(const std::string& path) {
  if (!fs::exists(path)) throw IoError(path + ": no such folder");
  if (!fs::is_directory(path)) throw IoError(path + ": expected a model folder, found a file");
  if (!fs::exists(fs::path(path) / kConfig)) {
    throw IoError(path + ": expected a model folder, but it holds no " + kConfig);
  }
  return path;
}

bool holds_pickled_weights(const std::string& path) {
  for (const auto& entry : fs::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("pytorch_model") && name.ends_with(".bin")) return true;
  }
  return false;
}

[[noreturn]] void no_weights(const std::string& path) {
  if (!holds_pickled_weights(path)) {
    throw IoError(path + ": expected " + kWeights + " or " + kIndex + ", found neither");
  }
  throw Unsupported(
      path + ": holds only pytorch_model.bin (pickled weights); narabi reads " + kWeights +
      ". Convert it once: python3 -c \"from transformers import AutoModelForSequenceClassification as M; "
      "M.from_pretrained('" + path + "').save_pretrained('" + path + "', safe_serialization=True)\"");
}

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  }
  return text + "]";
}

}  // namespace

ModelFolder::ModelFolder(const std::string& path)
    : path_(checked_folder(path)), config_(file(kConfig)) {
  if (has_file(kWeights)) {
    files_.push_back(std::make_unique<Safetensors>(file(kWeights)));
    return;
  }
  if (!has_file(kIndex)) no_weights(path);
  read_shards();
}

void ModelFolder::read_shards() {
  const ConfigFile index(file(kIndex));
  std::set<std::string> shards;
  const std::vector<std::string> names = index.keys("weight_map");
  if (names.empty()) throw InvalidFormat(index.path() + ": weight_map: expected tensors, found none");
  for (const std::string& name : names) {
    const std::string shard = index.text("weight_map." + name);
    if (shard.find('/') != std::string::npos || shard == "..") {
      throw InvalidFormat(index.path() + ": weight_map." + name +
                          ": expected the name of a file in the same folder, found " + shard);
    }
    shards.insert(shard);
  }
  for (const std::string& shard : shards) {
    if (!has_file(shard)) {
      throw IoError(index.path() + ": names the shard " + shard + ", which is not in the folder");
    }
    auto opened = std::make_unique<Safetensors>(file(shard));
    for (const auto& [name, tensor] : opened->tensors()) {
      if (find(name) != nullptr) {
        throw InvalidFormat(opened->path() + ": tensor " + name + " is in another shard, too");
      }
    }
    files_.push_back(std::move(opened));
  }
  for (const std::string& name : names) {
    if (find(name) == nullptr) {
      throw InvalidFormat(index.path() + ": names the tensor " + name + ", which no shard holds");
    }
  }
}

std::string ModelFolder::file(std::string_view name) const {
  return (fs::path(path_) / name).string();
}

bool ModelFolder::has_file(std::string_view name) const {
  return fs::is_regular_file(fs::path(path_) / name);
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

TensorReader::TensorReader(const ModelFolder& folder, std::string prefix)
    : folder_(&folder),
      prefix_(std::move(prefix)),
      taken_(std::make_shared<std::set<std::string, std::less<>>>()) {}

const TensorView& TensorReader::take(std::string_view name,
                                     std::initializer_list<std::int64_t> shape) {
  const std::string full = prefix_ + std::string(name);
  const std::span<const std::int64_t> expected(shape.begin(), shape.size());
  const TensorView* tensor = folder_->find(full);
  if (tensor == nullptr) {
    throw InvalidFormat(folder_->path() + ": expected the tensor " + full + " " +
                        shape_text(expected) + ", found none of this name");
  }
  if (!std::equal(expected.begin(), expected.end(), tensor->shape.begin(), tensor->shape.end())) {
    throw InvalidFormat(folder_->path() + ": tensor " + full + ": expected the shape " +
                        shape_text(expected) + " (from config.json), found " +
                        shape_text(tensor->shape));
  }
  taken_->insert(full);
  return *tensor;
}

std::vector<float> TensorReader::take_f32(std::string_view name,
                                          std::initializer_list<std::int64_t> shape) {
  const TensorView& tensor = take(name, shape);
  return to_f32(tensor, folder_->path() + ": tensor " + tensor.name);
}

std::vector<float> TensorReader::take_f32_if(bool wanted, std::string_view name,
                                             std::initializer_list<std::int64_t> shape) {
  if (wanted) return take_f32(name, shape);
  const std::string full = prefix_ + std::string(name);
  if (folder_->find(full) != nullptr) {
    throw InvalidFormat(folder_->path() + ": holds the tensor " + full +
                        ", which config.json says the model does not have");
  }
  return {};
}

TensorReader TensorReader::with_prefix(std::string prefix) const {
  TensorReader other = *this;
  other.prefix_ = std::move(prefix);
  return other;
}

std::vector<std::string> TensorReader::extras() const {
  std::vector<std::string> names;
  for (const std::string& name : folder_->tensor_names()) {
    if (!taken_->contains(name)) names.push_back(name);
  }
  return names;
}

}  // namespace narabi::checkpoint
