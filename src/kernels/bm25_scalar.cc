#include "kernels/bm25_portable.inc"

namespace narabi::kernels {

const Bm25 kBm25Scalar = {add, count, take};

}  // namespace narabi::kernels
