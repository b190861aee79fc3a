// What narabi.json of a model folder records: the gate of a precision, what a logit says about the
// probability of being relevant, and the stamp of a packed folder. Other keys stay as they are.
//
//   {"blend": {"bm25": 0.15}, "calibration": {"scale": 0.19, "offset": -1.1},
//    "precision": {"int8": {"held": true, "kendall_tau": 0.998, "ndcg_change": 0.0002, ...,
//                           "bf16": ["model.layers.0.mlp.Wo"], "f32": [...]}},
//    "packed": {"version": 1, "precision": "int8", "layout": "int8-groups4-columns32",
//               "weights": "xxh3:...", "source": "xxh3:..."}}
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "checkpoint/model_folder.h"

namespace narabi::checkpoint {

// The form of the packed weights: kernels/packed_weight.h and models/packed_tensors.h. A change of
// either needs another version.
inline constexpr int kPackedVersion = 1;
inline constexpr const char* kPackedLayout = "int8-groups4-columns32";

// What `narabi quantize --check` found for a precision.
struct GateRecord {
  bool held = false;
  double kendall_tau = 0, ndcg_change = 0;
  std::size_t pairs = 0;
};

class ModelRecord {
 public:
  // narabi.json of `folder`; nothing where there is none. Throws InvalidFormat.
  explicit ModelRecord(const std::string& folder);
  ~ModelRecord();
  ModelRecord(ModelRecord&&) noexcept;
  ModelRecord& operator=(ModelRecord&&) noexcept;

  void set_gate(const std::string& precision, const GateRecord& gate);
  // Groups of linear layers (models/layer_weights.h) that are `wider` where the rest is
  // `precision`. What was recorded of the precision's gate goes, since it was another model's.
  void set_layers(const std::string& precision, const std::string& wider,
                  const std::vector<std::string>& layers);
  // probability = sigmoid(scale x logit + offset)
  void set_calibration(double scale, double offset);
  // For logits that are `scale` times as large: the weights of other scores beside them, and the
  // gate of bf16, by which a logit may be so far off, unless they are smaller.
  void scale_logits(double scale);
  void forget_gates();  // of weights that are no longer those
  // For a model.safetensors of packed weights, made of `source`: checksums of their files.
  void set_stamp(const std::string& weights, const std::string& source);
  void write(const std::string& folder) const;  // whole or not at all; throws IoError

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// narabi.json says that the folder holds packed weights.
bool is_stamped(const std::string& folder);

// Throws InvalidFormat or Unsupported, naming file and key, unless narabi.json stamps this very
// model.safetensors, in the version that this build reads. Reads the file once, without keeping it
// in memory.
void check_stamp(const ModelFolder& folder);

}  // namespace narabi::checkpoint
