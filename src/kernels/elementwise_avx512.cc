#include "kernels/elementwise_sets.h"
#include "kernels/vec.h"
// The shared source; a file of its own so that each set is compiled with its own flags.
#include "kernels/elementwise_vector.inc"

namespace narabi::kernels {

const Elementwise kElementwiseAvx512 = {layer_norm, gelu, geglu, add_to, rope};

}  // namespace narabi::kernels
