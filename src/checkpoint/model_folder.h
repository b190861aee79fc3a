// A Hugging Face model folder: config.json and the weights, in one file or in shards.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/config_file.h"
#include "checkpoint/safetensors.h"

namespace narabi::checkpoint {

// Owns the mappings; TensorViews borrow from it. Reads model.safetensors, or the shards that
// model.safetensors.index.json names. A folder with only pytorch_model.bin: Unsupported, with the
// command that converts it.
class ModelFolder {
 public:
  explicit ModelFolder(const std::string& path);
  const std::string& path() const { return path_; }
  const ConfigFile& config() const { return config_; }
  std::string file(std::string_view name) const;        // path of a file in the folder
  bool has_file(std::string_view name) const;
  const TensorView* find(std::string_view name) const;  // nullptr when absent
  std::vector<std::string> tensor_names() const;

 private:
  void read_shards();

  std::string path_;
  ConfigFile config_;
  std::vector<std::unique_ptr<Safetensors>> files_;
};

// Hands out the tensors that an architecture names, checks shapes, and remembers which were taken.
class TensorReader {
 public:
  // `prefix` is put in front of every name ("model.", "bert.", "" for a bare encoder).
  TensorReader(const ModelFolder& folder, std::string prefix);

  // Throws InvalidFormat: missing ("expected tensor NAME [384, 1536]"), or shape expected and found.
  const TensorView& take(std::string_view name, std::initializer_list<std::int64_t> shape);
  std::vector<float> take_f32(std::string_view name, std::initializer_list<std::int64_t> shape);
  // Empty when `wanted` is false, and then the file must not hold it (a bias that config.json denies).
  std::vector<float> take_f32_if(bool wanted, std::string_view name,
                                 std::initializer_list<std::int64_t> shape);
  TensorReader with_prefix(std::string prefix) const;  // shares what was taken
  std::vector<std::string> extras() const;             // names in the folder that nobody took

 private:
  const ModelFolder* folder_;
  std::string prefix_;
  std::shared_ptr<std::set<std::string, std::less<>>> taken_;
};

}  // namespace narabi::checkpoint
