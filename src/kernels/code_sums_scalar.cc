#include "kernels/code_sums.h"
#include "kernels/code_sums_sets.h"

namespace narabi::kernels {

void code_sums_scalar(const std::uint8_t* codes, std::size_t blocks, std::size_t parts,
                      const std::uint8_t* tables, std::uint16_t* sums) {
  for (; blocks > 0; --blocks, sums += kCodesOfBlock) {
    std::uint16_t block[kCodesOfBlock] = {};
    for (std::size_t part = 0; part < parts; ++part, codes += kCodesOfBlock) {
      const std::uint8_t* table = tables + part * kTableEntries;
      for (std::size_t i = 0; i < kCodesOfBlock; ++i)
        block[i] = static_cast<std::uint16_t>(block[i] + table[codes[i]]);
    }
    for (std::size_t i = 0; i < kCodesOfBlock; ++i) sums[i] = block[i];
  }
}

}  // namespace narabi::kernels
