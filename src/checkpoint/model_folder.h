// A Hugging Face model folder: config.json and the weights, in one file or in shards.
#pragma once

#include <cstdint>
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
  std::string file(std::string_view name) const;  // path of a file in the folder
  bool has_file(std::string_view name) const;
  const TensorView* find(std::string_view name) const;  // nullptr when absent
  std::vector<std::string> tensor_names() const;

 private:
  void read_shards();

  std::string path_;
  ConfigFile config_;
  std::vector<std::unique_ptr<Safetensors>> files_;
};

// The buffer 0, 1, 2, ... (I64) that older versions of transformers wrote beside the weights.
bool is_position_ids(std::string_view name);

// One weight of an architecture, as its file has to hold it.
struct TensorSpec {
  std::string name;
  std::vector<std::int64_t> shape;
};

// The tensors of a folder checked against the table of an architecture: every one there, with its
// shape. Borrows from the folder.
class TensorTable {
 public:
  // Throws InvalidFormat for a missing tensor (name and shape expected), for another shape
  // (expected and found), and for a tensor under one of `owned` prefixes that the table does not
  // name (a bias that config.json denies would be left out of the sums silently); position_ids
  // are let be.
  TensorTable(const ModelFolder& folder, const std::vector<TensorSpec>& specs,
              const std::vector<std::string>& owned);

  bool has(const std::string& name) const;
  const TensorView& at(const std::string& name) const;  // a name that the table has
  // A tensor of the folder that the table does not name; null when there is none.
  const TensorView* extra(const std::string& name) const;
  // All values; throws InvalidFormat when one is NaN or infinite. Empty for a name the table lacks.
  std::vector<float> f32(const std::string& name) const;
  // Throws as f32() does. Reads in pieces and keeps none: for the vocabulary's table, of which
  // texts need a few rows.
  void require_finite(const std::string& name) const;
  std::string where(const std::string& name) const;  // "FOLDER: tensor NAME", for messages
  std::int64_t parameters() const;
  std::vector<std::string> extras() const;  // in the folder, not in the table

 private:
  const ModelFolder* folder_;
  std::set<std::string> names_;
};

}  // namespace narabi::checkpoint
