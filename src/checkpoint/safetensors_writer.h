// Writes safetensors files, whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/safetensors.h"

namespace narabi::checkpoint {

// One tensor to write; `data` is borrowed: row-major, elements x size_of(dtype) bytes.
struct TensorToWrite {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> data;
};

// Tensors in the order given, data aligned to 64 bytes from the start of the file; `metadata` goes
// under "__metadata__" (transformers wants {"format": "pt"}). An older file at `path` stays as it
// was until the new one is whole and synced. Throws IoError, InvalidArgument for a size that does
// not fit the shape or a name that comes twice.
void write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace narabi::checkpoint
