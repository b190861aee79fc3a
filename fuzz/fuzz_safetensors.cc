// Bytes as a safetensors file: opened and read, or refused.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string>

#include "checkpoint/safetensors.h"
#include "narabi/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string path = "/tmp/narabi-fuzz-" + std::to_string(::getpid()) + ".safetensors";
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return 0;
  std::fwrite(data, 1, size, file);
  std::fclose(file);
  try {
    const narabi::checkpoint::Safetensors tensors(path);
    for (const auto& [name, tensor] : tensors.tensors()) narabi::checkpoint::to_f32(tensor, name);
  } catch (const narabi::Error&) {
  }
  return 0;
}
