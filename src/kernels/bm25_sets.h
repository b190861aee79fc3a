// The tables that the instruction sets define; bm25.cc picks one.
#pragma once

#include "kernels/bm25.h"

namespace narabi::kernels {

extern const Bm25 kBm25Scalar;
extern const Bm25 kBm25Avx2;
extern const Bm25 kBm25Avx512;

}  // namespace narabi::kernels
