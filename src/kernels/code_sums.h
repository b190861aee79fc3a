// Sums of table entries by codes of 8 bits: the inner loop of a search over product-quantised
// vectors. Integers, so every instruction set gives the same sums.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/cpu.h"

namespace narabi::kernels {

constexpr std::size_t kCodesOfBlock = 64;
constexpr std::size_t kTableEntries = 256;
constexpr std::size_t kMostParts = 257;  // of a code, so that a sum has room in 16 bits

// codes: blocks x parts x 64, of 64 vectors side by side; tables: parts x 256; sums: blocks x 64:
// sums[b][i] = the sum over p of tables[p][codes[b][p][i]].
using CodeSums = void (*)(const std::uint8_t* codes, std::size_t blocks, std::size_t parts,
                          const std::uint8_t* tables, std::uint16_t* sums);
CodeSums code_sums();  // of base::isa()
// From kVnni on AVX-512 VBMI, which Cascade Lake and Cooper Lake lack; these, and all else: scalar.
CodeSums code_sums(base::Isa set);

}  // namespace narabi::kernels
