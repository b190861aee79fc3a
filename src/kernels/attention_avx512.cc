#include "kernels/attention_sets.h"
#include "kernels/vec.h"
// The shared source; a file of its own so that each set is compiled with its own flags.
#include "kernels/attention_vector.inc"

namespace narabi::kernels {

void attention_avx512(const AttentionArgs& args) {
  attend_all(args);
}

}  // namespace narabi::kernels
