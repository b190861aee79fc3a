// For tests: arrays that end where a page begins that cannot be touched, so that a kernel that
// reads or writes one element too far is stopped by the processor, in every build. What lies before
// the first element is not guarded.
#pragma once

#include <cstddef>
#include <vector>

namespace narabi::kernels {

void* allocate_guarded(std::size_t bytes);  // its end is the page's beginning
void free_guarded(void* memory, std::size_t bytes);

template <typename Value>
struct GuardedAllocator {
  using value_type = Value;
  GuardedAllocator() = default;
  template <typename Other>
  GuardedAllocator(const GuardedAllocator<Other>&) {}

  Value* allocate(std::size_t count) {
    return static_cast<Value*>(allocate_guarded(count * sizeof(Value)));
  }
  void deallocate(Value* values, std::size_t count) { free_guarded(values, count * sizeof(Value)); }
  bool operator==(const GuardedAllocator&) const { return true; }
};

template <typename Value>
using Guarded = std::vector<Value, GuardedAllocator<Value>>;

}  // namespace narabi::kernels
