// For tests: the instruction sets that this CPU has, scalar first.
#pragma once

#include <vector>

#include "base/cpu.h"

namespace narabi::kernels {

inline std::vector<base::Isa> sets_of_this_cpu() {
  std::vector<base::Isa> sets;
  for (const base::Isa set : {base::Isa::kScalar, base::Isa::kAvx2, base::Isa::kAvx512,
                              base::Isa::kVnni, base::Isa::kBf16}) {
    if (base::cpu_has(set)) sets.push_back(set);
  }
  return sets;
}

}  // namespace narabi::kernels
