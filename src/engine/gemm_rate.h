// What the machine can do, measured, to set beside what a model reaches.
#pragma once

#include <cstddef>

#include "kernels/packed_weight.h"

namespace narabi::engine {

// G operations a second (a multiply and an add are two) of oneDNN's GEMMs on `threads` threads at
// once, each its own: the best of a square shape (1024) and the shapes of a model's linear layers
// (hidden x 3 hidden, hidden x intermediate and back), at 200 and at 1024 rows. Median of `rounds`
// rounds after a warm-up.
double measure_gemm_gops(kernels::Operand operand, std::size_t hidden, std::size_t intermediate,
                         int threads, int rounds);

}  // namespace narabi::engine
