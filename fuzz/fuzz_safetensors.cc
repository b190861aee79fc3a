// Bytes as a safetensors file: opened and read, or refused.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "checkpoint/safetensors.h"
#include "narabi/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int fd =
      ::memfd_create("narabi-fuzz", 0);  // a file in memory, gone with the process
  static const std::string path = "/proc/self/fd/" + std::to_string(fd);
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, data, size, 0) != static_cast<ssize_t>(size)) {
    std::abort();
  }
  try {
    const narabi::checkpoint::Safetensors tensors(path);
    for (const auto& [name, tensor] : tensors.tensors()) narabi::checkpoint::to_f32(tensor, name);
  } catch (const narabi::Error&) {
  }
  return 0;
}
