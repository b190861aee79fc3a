// Packed int8 weights in a model folder: what `narabi quantize` writes and the loader maps.
//
// For a linear layer NAME (and, of a fused one, its part "query", "key" or "value"):
//   packed.NAME[.part.PART]         I8  [out, in], padded: the bytes of kernels::PackedWeight; or
//                                   BF16 or F32, where the calibration found that int8 costs too
//                                   much
//   packed.NAME[.part.PART].scales  F32 [3, out]: bias, scale, compensation
// For the vocabulary's table NAME:
//   packed.NAME                     I8  [vocabulary, hidden]: value / scale, rounded
//   packed.NAME.scales              BF16 [vocabulary, groups]: of each 32 values of a row, so that
//                                   one outlier costs its neighbours little
// Their NAME.weight and NAME.bias are not in the folder; all other tensors are, in f32. The form is
// the same for every instruction set. narabi.json holds its version and the file's checksum:
// checkpoint/model_record.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checkpoint/model_folder.h"
#include "kernels/packed_weight.h"

namespace narabi::models {

inline constexpr const char* kPackedPrefix = "packed.";

bool holds_packed(const checkpoint::ModelFolder& folder);
std::string packed_key(const std::string& name, const std::string& part);

// The layer as it lies in the folder, without a copy; nothing where the folder has it in floats.
// Throws InvalidFormat for another shape than `order` says, or scales that are no numbers.
std::optional<kernels::PackedWeight> find_packed(const checkpoint::TensorTable& tensors,
                                                 const std::string& key,
                                                 const kernels::PackOrder& order);

inline constexpr std::size_t kRowGroup = 32;  // values that share a scale
inline constexpr std::size_t row_groups(std::size_t width) {
  return (width + kRowGroup - 1) / kRowGroup;
}

// Rows of int8 and their scales; borrowed from the folder.
struct PackedRows {
  const std::byte* data = nullptr;
  const std::byte* scales = nullptr;
};

// As find_packed(), for the table that would lie in `spec`.
std::optional<PackedRows> find_packed_rows(const checkpoint::TensorTable& tensors,
                                           const checkpoint::TensorSpec& spec);

// `specs` without the weights that the folder holds in packed form.
std::vector<checkpoint::TensorSpec> without_packed(const checkpoint::ModelFolder& folder,
                                                   std::vector<checkpoint::TensorSpec> specs);

struct NamedWeight {
  std::string key, group;  // group: layer_weights.h
  kernels::PackedWeight weight;
};

// Writes a safetensors file of packed layers, of the table `vocabulary` ("NAME.weight") in int8,
// and of the rest of `specs` in f32. Throws IoError.
void write_packed(const std::string& path, const std::vector<NamedWeight>& weights,
                  const checkpoint::ModelFolder& folder, const std::string& vocabulary,
                  const std::vector<checkpoint::TensorSpec>& specs);

}  // namespace narabi::models
