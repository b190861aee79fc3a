#include "kernels/gemm_sets.h"
#include "kernels/vec.h"
// The shared source; a file of its own so that each set is compiled with its own flags.
#include "kernels/gemm_vector.inc"

namespace narabi::kernels {

void gemm_bf16(const GemmArgs& args) {
  multiply(args);
}

}  // namespace narabi::kernels
