// The tables that the instruction sets define; rows.cc picks one.
#pragma once

#include "kernels/rows.h"

namespace narabi::kernels {

extern const RowKernels kRowsScalar;
extern const RowKernels kRowsAvx2;
extern const RowKernels kRowsAvx512;

}  // namespace narabi::kernels
