// The tables that the instruction sets define; elementwise.cc picks one.
#pragma once

#include "kernels/elementwise.h"

namespace narabi::kernels {

extern const Elementwise kElementwiseScalar;
extern const Elementwise kElementwiseAvx2;
extern const Elementwise kElementwiseAvx512;

}  // namespace narabi::kernels
