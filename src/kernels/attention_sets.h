// The functions that the instruction sets define; attention.cc picks one.
#pragma once

#include "kernels/attention.h"

namespace narabi::kernels {

void attention_scalar(const AttentionArgs& args);
void attention_avx2(const AttentionArgs& args);
void attention_avx512(const AttentionArgs& args);
void attention_products_bf16(const AttentionBf16Args& args);
void attention_tiles(const AttentionBf16Args& args);

// For heads of at most kMostElements, and rows that see at most kMostKeys.
inline constexpr std::size_t kMostElements = 512, kMostKeys = 512;
void attention_products_int16(const AttentionBf16Args& args);

}  // namespace narabi::kernels
