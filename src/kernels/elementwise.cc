#include "kernels/elementwise.h"

#include "kernels/elementwise_sets.h"

namespace narabi::kernels {

const Elementwise& elementwise(base::Isa set) {
  switch (set) {
    case base::Isa::kBf16:
    case base::Isa::kVnni:
    case base::Isa::kAvx512:
      return kElementwiseAvx512;
    case base::Isa::kAvx2:
      return kElementwiseAvx2;
    case base::Isa::kScalar:
      break;
  }
  return kElementwiseScalar;
}

const Elementwise& elementwise() {
  static const Elementwise& chosen = elementwise(base::isa());
  return chosen;
}

}  // namespace narabi::kernels
