// For tests: the instruction sets that this CPU has, scalar first, and values to try them on.
#pragma once

#include <random>
#include <vector>

#include "base/cpu.h"
#include "kernels/guarded_memory.h"

namespace narabi::kernels {

inline std::vector<base::Isa> sets_of_this_cpu() {
  std::vector<base::Isa> sets;
  for (const base::Isa set : {base::Isa::kScalar, base::Isa::kAvx2, base::Isa::kAvx512,
                              base::Isa::kVnni, base::Isa::kBf16, base::Isa::kAmx}) {
    if (base::cpu_has(set)) sets.push_back(set);
  }
  return sets;
}

inline std::vector<base::Isa> vector_sets() {
  std::vector<base::Isa> sets = sets_of_this_cpu();
  sets.erase(sets.begin());
  return sets;
}

inline Guarded<float> noise(std::size_t count, float scale, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, scale);
  Guarded<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

}  // namespace narabi::kernels
