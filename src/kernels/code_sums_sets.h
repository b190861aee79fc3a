// The code of the instruction sets; code_sums.cc picks one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace narabi::kernels {

void code_sums_scalar(const std::uint8_t* codes, std::size_t blocks, std::size_t parts,
                      const std::uint8_t* tables, std::uint16_t* sums);
void code_sums_vbmi(const std::uint8_t* codes, std::size_t blocks, std::size_t parts,
                    const std::uint8_t* tables, std::uint16_t* sums);

}  // namespace narabi::kernels
