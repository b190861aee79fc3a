#include "kernels/code_sums.h"

#include "kernels/code_sums_sets.h"

namespace narabi::kernels {

CodeSums code_sums(base::Isa set) {
  if (set >= base::Isa::kVnni && __builtin_cpu_supports("avx512vbmi")) return code_sums_vbmi;
  return code_sums_scalar;
}

CodeSums code_sums() {
  static const CodeSums chosen = code_sums(base::isa());
  return chosen;
}

}  // namespace narabi::kernels
