#include "kernels/rows.h"

#include "kernels/rows_sets.h"

namespace narabi::kernels {

const RowKernels& row_kernels(base::Isa set) {
  switch (set) {
    case base::Isa::kAmx:
    case base::Isa::kBf16:
    case base::Isa::kVnni:
    case base::Isa::kAvx512:
      return kRowsAvx512;
    case base::Isa::kAvx2:
      return kRowsAvx2;
    case base::Isa::kScalar:
      break;
  }
  return kRowsScalar;
}

const RowKernels& row_kernels() {
  static const RowKernels& chosen = row_kernels(base::isa());
  return chosen;
}

}  // namespace narabi::kernels
