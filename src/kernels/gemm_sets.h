// The functions that the instruction sets define; gemm.cc picks one.
#pragma once

#include "kernels/gemm.h"

namespace narabi::kernels {

void gemm_scalar(const GemmArgs& args);
void gemm_avx2(const GemmArgs& args);
void gemm_avx512(const GemmArgs& args);
void gemm_vnni(const GemmArgs& args);
void gemm_bf16(const GemmArgs& args);
void gemm_amx(const GemmArgs& args);

}  // namespace narabi::kernels
