#include "kernels/code_sums.h"

#include <gtest/gtest.h>

#include <random>

#include "kernels/guarded_memory.h"
#include "kernels/test_sets.h"

namespace narabi::kernels {
namespace {

TEST(CodeSums, EverySetAddsWhatTheCodesName) {
  std::mt19937 random(5);
  for (const std::size_t parts : {1ul, 3ul, 64ul, kMostParts}) {
    const std::size_t blocks = 3;
    Guarded<std::uint8_t> codes(blocks * parts * kCodesOfBlock), tables(parts * kTableEntries);
    for (auto& code : codes) code = static_cast<std::uint8_t>(random());
    for (auto& entry : tables)
      entry = static_cast<std::uint8_t>(parts == 1 ? random() : 255 - random() % 3);
    for (const base::Isa set : sets_of_this_cpu()) {
      Guarded<std::uint16_t> sums(blocks * kCodesOfBlock);
      code_sums(set)(codes.data(), blocks, parts, tables.data(), sums.data());
      for (std::size_t b = 0; b < blocks; ++b) {
        for (std::size_t i = 0; i < kCodesOfBlock; ++i) {
          unsigned expected = 0;
          for (std::size_t p = 0; p < parts; ++p)
            expected += tables[p * kTableEntries + codes[(b * parts + p) * kCodesOfBlock + i]];
          ASSERT_EQ(sums[b * kCodesOfBlock + i], expected) << base::isa_name(set) << " " << parts;
        }
      }
    }
  }
}

}  // namespace
}  // namespace narabi::kernels
