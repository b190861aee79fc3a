// Where a model is trained.
#pragma once

#include <torch/types.h>

#include <string>

namespace narabi::train {

// "cpu"; "cuda": this process's GPU (LOCAL_RANK, as torchrun sets it), throws Unsupported with the
// loader's reason where there is none; "auto": the GPU where there is one, else the CPU.
torch::Device find_device(const std::string& wanted);

// GPUs, and CPUs whose products of bf16 are faster than those of f32 (base::bf16_is_fast).
bool is_faster_in_bf16(const torch::Device& device);

}  // namespace narabi::train
