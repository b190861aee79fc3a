#include "kernels/bm25_portable.inc"

namespace narabi::kernels {

const Bm25 kBm25Avx2 = {add, count, take};

}  // namespace narabi::kernels
