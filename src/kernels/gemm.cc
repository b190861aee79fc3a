#include "kernels/gemm.h"

#include "kernels/gemm_sets.h"

namespace narabi::kernels {

Gemm gemm(base::Isa set) {
  switch (set) {
    case base::Isa::kVnni:
      return gemm_vnni;
    case base::Isa::kAvx512:
      return gemm_avx512;
    case base::Isa::kAvx2:
      return gemm_avx2;
    case base::Isa::kScalar:
      break;
  }
  return gemm_scalar;
}

Gemm gemm() {
  static const Gemm chosen = gemm(base::isa());
  return chosen;
}

}  // namespace narabi::kernels
