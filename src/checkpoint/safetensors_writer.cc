#include "checkpoint/safetensors_writer.h"

#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "narabi/error.h"

namespace narabi::checkpoint {
namespace {

constexpr std::size_t kLengthBytes = 8, kAlignment = 64;

void check_size(const TensorToWrite& tensor) {
  std::size_t expected = size_of(tensor.dtype);
  for (const std::int64_t extent : tensor.shape) expected *= static_cast<std::size_t>(extent);
  if (tensor.data.size() != expected) {
    throw InvalidArgument("tensor " + tensor.name + ": expected " + std::to_string(expected) +
                          " bytes, found " + std::to_string(tensor.data.size()));
  }
}

std::string header_of(std::span<const TensorToWrite> tensors,
                      const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t offset = 0;
  for (const TensorToWrite& tensor : tensors) {
    check_size(tensor);
    if (header.contains(tensor.name)) throw InvalidArgument("tensor " + tensor.name + " twice");
    header[tensor.name] = {{"dtype", name_of(tensor.dtype)},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + tensor.data.size()}}};
    offset += tensor.data.size();
  }
  std::string text = header.dump();
  text.append((kAlignment - (kLengthBytes + text.size()) % kAlignment) % kAlignment, ' ');
  return text;
}

}  // namespace

void write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::string header = header_of(tensors, metadata);
  std::string prefix;
  for (std::size_t i = 0; i < kLengthBytes; ++i)
    prefix.push_back(static_cast<char>(header.size() >> (8 * i) & 0xFF));
  base::AtomicFile file(path);
  file.write(prefix);
  file.write(header);
  for (const TensorToWrite& tensor : tensors) {
    file.write({reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size()});
  }
  file.commit();
}

}  // namespace narabi::checkpoint
