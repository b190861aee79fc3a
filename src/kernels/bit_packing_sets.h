// The tables that the instruction sets define; bit_packing.cc picks one.
#pragma once

#include "kernels/bit_packing.h"

namespace narabi::kernels {

extern const BlockUnpack kBlockUnpackScalar;
extern const BlockUnpack kBlockUnpackAvx512;

}  // namespace narabi::kernels
