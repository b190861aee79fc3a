#include "kernels/bm25.h"

#include "kernels/bm25_sets.h"

namespace narabi::kernels {

const Bm25& bm25(base::Isa set) {
  switch (set) {
    case base::Isa::kAmx:
    case base::Isa::kBf16:
    case base::Isa::kVnni:
    case base::Isa::kAvx512:
      return kBm25Avx512;
    case base::Isa::kAvx2:
      return kBm25Avx2;
    case base::Isa::kScalar:
      break;
  }
  return kBm25Scalar;
}

const Bm25& bm25() {
  static const Bm25& chosen = bm25(base::isa());
  return chosen;
}

}  // namespace narabi::kernels
