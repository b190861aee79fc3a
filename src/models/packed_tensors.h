// Packed int8 weights in a model folder: what `narabi quantize` writes and the loader maps.
//
// For a linear layer NAME (and, of a fused one, its part "query", "key" or "value"):
//   packed.NAME[.PART]         I8  [out, in], padded: the bytes of kernels::PackedWeight
//   packed.NAME[.PART].scales  F32 [3, out]: bias, scale, compensation
// Its NAME.weight and NAME.bias are not in the folder.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/model_folder.h"
#include "kernels/packed_weight.h"

namespace narabi::models {

inline constexpr const char* kPackedPrefix = "packed.";

std::string packed_key(const std::string& name, const std::string& part);

// The layer as it lies in the folder, without a copy; nothing where the folder has it in floats.
// Throws InvalidFormat for another shape than `order` says, or scales that are no numbers.
std::optional<kernels::PackedWeight> find_packed(const checkpoint::TensorTable& tensors,
                                                 const std::string& key,
                                                 const kernels::PackOrder& order);

// `specs` without the weights that the folder holds in packed form.
std::vector<checkpoint::TensorSpec> without_packed(const checkpoint::ModelFolder& folder,
                                                   std::vector<checkpoint::TensorSpec> specs);

struct NamedWeight {
  std::string key;
  kernels::PackedWeight weight;
};

// A safetensors file of packed layers and of those tensors of `specs` that no layer holds:
// matrices as f16 where they fit, all else as they are. Throws IoError.
void write_packed(const std::string& path, const std::vector<NamedWeight>& weights,
                  const checkpoint::ModelFolder& folder,
                  const std::vector<checkpoint::TensorSpec>& specs);

}  // namespace narabi::models
