#include "train/export.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/line_reader.h"
#include "narabi/error.h"

namespace narabi::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr const char* kTokenizerFiles[] = {
    "tokenizer.json", "tokenizer_config.json",   "special_tokens_map.json",
    "vocab.txt",      "sentencepiece.bpe.model", "tokenizer.model",
    "spiece.model",   "added_tokens.json"};

void write_file(const fs::path& path, std::string_view bytes) {
  base::AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

std::string config_text(const std::string& path, const Model& model, Task task,
                        const std::string& dtype) {
  ordered_json config = ordered_json::parse(base::read_file(path), nullptr, false);
  if (!config.is_object()) throw InvalidFormat(path + ": expected a JSON object");
  config["architectures"] = {model.architecture()};
  if (task == Task::kRerank) {
    config.erase("num_labels");
    config["id2label"] = {{"0", "LABEL_0"}};
    config["label2id"] = {{"LABEL_0", 0}};
  }
  config.erase("torch_dtype");
  config["dtype"] = dtype == "f16" ? "float16" : "float32";
  return config.dump(2) + "\n";
}

}  // namespace

void export_model(const std::string& folder, const Model& model, Task task,
                  const std::string& config_path, const std::string& tokenizer_folder,
                  const std::string& dtype) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw IoError(folder + ": " + error.message());
  // First, so that none of its figures ever stands beside weights that it was not measured with.
  if (fs::remove(fs::path(folder) / "narabi.json", error); error)
    throw IoError(folder + "/narabi.json: " + error.message());
  for (const char* name : kTokenizerFiles) {
    const fs::path source = fs::path(tokenizer_folder) / name;
    if (fs::exists(source)) write_file(fs::path(folder) / name, base::read_file(source));
  }
  write_file(fs::path(folder) / "config.json", config_text(config_path, model, task, dtype));
  model.parameters().save(fs::path(folder) / "model.safetensors",
                          dtype == "f16" ? checkpoint::DType::kF16 : checkpoint::DType::kF32);
}

}  // namespace narabi::train
