// The functions that the instruction sets define; attention.cc picks one.
#pragma once

#include "kernels/attention.h"

namespace narabi::kernels {

void attention_scalar(const AttentionArgs& args);
void attention_avx2(const AttentionArgs& args);
void attention_avx512(const AttentionArgs& args);
void attention_bf16_vnni(const AttentionBf16Args& args);
void attention_int16_vnni(const AttentionBf16Args& args);

}  // namespace narabi::kernels
