#include "kernels/bit_packing.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "kernels/guarded_memory.h"
#include "kernels/test_sets.h"

namespace narabi::kernels {
namespace {

using Values = std::vector<std::uint32_t>;

TEST(BitPacking, EverySetGivesBackWhatWasPackedAtEveryWidth) {
  std::mt19937 random(1);
  for (int width = 0; width <= 32; ++width) {
    Values values(kValuesOfBlock), sums;
    for (auto& value : values)
      value = width == 0 ? 0 : static_cast<std::uint32_t>(random()) >> (32 - width);
    if (width > 0) values[17] |= 1u << (width - 1);
    ASSERT_EQ(bits_needed(values.data()), width);
    Guarded<std::uint8_t> bytes(packed_bytes(width), 0xAB);
    pack(values.data(), width, bytes.data());
    for (std::size_t i = 0; i < kValuesOfBlock; ++i)
      ASSERT_EQ(unpack_one(bytes.data(), width, i), values[i]) << width << " " << i;
    std::uint32_t sum = 9;
    for (auto& value : values) sums.push_back(sum += ++value);
    for (const base::Isa set : sets_of_this_cpu()) {
      Guarded<std::uint32_t> back(kValuesOfBlock);
      block_unpack(set).plus_one(bytes.data(), width, back.data());
      EXPECT_EQ(Values(back.begin(), back.end()), values) << base::isa_name(set) << " " << width;
      block_unpack(set).gaps(bytes.data(), width, 9, back.data());
      EXPECT_EQ(Values(back.begin(), back.end()), sums) << base::isa_name(set) << " " << width;
    }
  }
}

TEST(BitPacking, TheFirstDocumentOfAllIsZero) {
  for (const base::Isa set : sets_of_this_cpu()) {
    Values values(kValuesOfBlock);
    block_unpack(set).gaps(nullptr, 0, ~0u, values.data());
    EXPECT_EQ(values[0], 0u) << base::isa_name(set);
    EXPECT_EQ(values[127], 127u) << base::isa_name(set);
  }
}

}  // namespace
}  // namespace narabi::kernels
