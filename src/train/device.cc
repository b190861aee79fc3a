#include "train/device.h"

#include <dlfcn.h>
#include <torch/cuda.h>

#include <cstdlib>

#include "base/cpu.h"
#include "narabi/error.h"

namespace narabi::train {

torch::Device find_device(const std::string& wanted) {
  if (wanted == "cpu") return torch::kCPU;
  // Loaded only here: a CPU run needs none of CUDA's libraries. Its kernels register themselves.
  const bool loaded = dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr;
  const char* reason = loaded ? nullptr : dlerror();
  if (loaded && torch::cuda::is_available()) {
    const char* rank = std::getenv("LOCAL_RANK");
    const int index = rank == nullptr ? 0 : std::atoi(rank);
    return {torch::kCUDA, static_cast<torch::DeviceIndex>(index)};
  }
  if (wanted == "auto") return torch::kCPU;
  throw Unsupported(std::string("device: cuda: ") + (loaded ? "libtorch sees no GPU" : reason) +
                    "; expected a machine with a GPU and NARABI_TORCH_CUDA=1 make train-deps");
}

bool is_faster_in_bf16(const torch::Device& device) {
  return !device.is_cpu() || base::bf16_is_fast();
}

}  // namespace narabi::train
