#include "train/objective.h"

namespace narabi::train {

std::uint64_t mix(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t z = seed + 0x9E3779B97F4A7C15ull * (index + 1);  // splitmix64
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

void for_each_part(std::size_t count, const torch::Device& device, base::ThreadPool& pool,
                   const std::function<void(std::size_t)>& work) {
  if (device.is_cpu()) {
    pool.parallel_for(count, [&](std::size_t i, int) { work(i); });
  } else {
    for (std::size_t i = 0; i < count; ++i) work(i);
  }
}

MicroBatch to_device(MicroBatch part, const torch::Device& device) {
  if (device.is_cpu()) return part;
  part.batch = to_device(std::move(part.batch), device);
  part.groups = to_device(std::move(part.groups), device);
  for (torch::Tensor* x : {&part.rows, &part.wanted})
    if (x->defined()) *x = x->to(device);
  return part;
}

}  // namespace narabi::train
