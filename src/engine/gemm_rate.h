// What the machine can do, measured, to set beside what a model reaches.
#pragma once

#include <cstddef>

namespace narabi::engine {

// GFLOP/s of f32 GEMMs on `threads` threads at once, each its own: the best of a square shape
// (1024) and the shapes of a model's linear layers (hidden x 3 hidden, hidden x intermediate and
// back) at 1024 rows. Median of `rounds` rounds after a warm-up.
double measure_gemm_gflops(std::size_t hidden, std::size_t intermediate, int threads, int rounds);

}  // namespace narabi::engine
