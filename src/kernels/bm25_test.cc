#include "kernels/bm25.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "kernels/bit_packing.h"
#include "kernels/guarded_memory.h"
#include "kernels/test_sets.h"

namespace narabi::kernels {
namespace {

TEST(Bm25, APostingAddsWhatTheFormulaSays) {
  const Bm25Impact impact = {2.2f, 0.3f, 0.9f / 250};
  const double tf = 3, length = 400;
  EXPECT_NEAR(impact(3, 400), tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / 250)), 1e-6);
  EXPECT_EQ(bm25_points(impact, 1e6f, 3, 400),
            static_cast<std::uint32_t>(impact(3, 400) * 1e6f + 0.5f));
}

TEST(Bm25, EverySetAddsTheSamePointsInTheWindowAlone) {
  std::minstd_rand random(3);
  const std::uint32_t base = 1000;
  for (const std::uint32_t size : {16u, 100u, 8192u}) {
    for (const std::size_t count : {std::size_t{1}, std::size_t{17}, kValuesOfBlock}) {
      // Documents before, in and after the window; frequencies with damaged ones among them.
      std::vector<std::uint32_t> all(size + 400);
      for (std::size_t i = 0; i < all.size(); ++i)
        all[i] = static_cast<std::uint32_t>(base - 200 + i);
      std::shuffle(all.begin(), all.end(), random);
      Guarded<std::uint32_t> documents(all.begin(), all.begin() + count), frequencies(count);
      std::sort(documents.begin(), documents.end());
      for (auto& tf : frequencies)
        tf = static_cast<std::uint32_t>(random() % 4 == 0 ? random() << 1 : 1 + random() % 5);
      Guarded<std::uint16_t> lengths(1 + size);  // one before: the two bytes that may be read
      for (auto& length : lengths) length = static_cast<std::uint16_t>(random());
      const Bm25Postings postings = {.documents = documents.data(),
                                     .frequencies = frequencies.data(),
                                     .count = count,
                                     .base = base,
                                     .size = size,
                                     .lengths = lengths.data() + 1,
                                     .impact = {2.2f, 0.3f, 0.9f / 250},
                                     .weight = 12345.678f};
      std::vector<std::uint32_t> expected(size, 7);
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t at = documents[i] - base;
        if (at < size)
          expected[at] +=
              bm25_points(postings.impact, postings.weight, frequencies[i], postings.lengths[at]);
      }
      for (const base::Isa set : sets_of_this_cpu()) {
        Guarded<std::uint32_t> scores(size, 7);
        bm25(set).add(postings, scores.data());
        EXPECT_EQ(std::vector<std::uint32_t>(scores.begin(), scores.end()), expected)
            << base::isa_name(set) << " " << size << " " << count;
      }
    }
  }
}

TEST(Bm25, EverySetFindsTheScoresThatAreLargeEnough) {
  std::minstd_rand random(4);
  for (const std::uint32_t least : {1u, 900u, 1000u, 0x80000000u}) {
    std::vector<std::uint32_t> scores(160), positions, values;
    for (auto& score : scores) score = static_cast<std::uint32_t>(random() % 1000);
    scores[33] = 0xFFFFFFFF;
    for (std::uint32_t i = 0; i < scores.size(); ++i) {
      if (scores[i] < least) continue;
      positions.push_back(i);
      values.push_back(scores[i]);
    }
    for (const base::Isa set : sets_of_this_cpu()) {
      Guarded<std::uint32_t> window(scores.begin(), scores.end());
      EXPECT_EQ(bm25(set).count(window.data(), window.size(), least), positions.size());
      std::vector<std::uint32_t> at(scores.size()), found(scores.size());
      const std::size_t taken =
          bm25(set).take(window.data(), window.size(), least, at.data(), found.data());
      at.resize(taken);
      found.resize(taken);
      EXPECT_EQ(at, positions) << base::isa_name(set);
      EXPECT_EQ(found, values) << base::isa_name(set);
      EXPECT_EQ(std::count(window.begin(), window.end(), 0u), std::ptrdiff_t(window.size()));
    }
  }
}

}  // namespace
}  // namespace narabi::kernels
