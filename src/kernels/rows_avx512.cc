#include "kernels/rows_sets.h"
#include "kernels/vec.h"
// The shared source; a file of its own so that each set is compiled with its own flags.
#include "kernels/rows_vector.inc"

namespace narabi::kernels {

const RowKernels kRowsAvx512 = {norm, quantise, rotate};

}  // namespace narabi::kernels
