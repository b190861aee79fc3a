#include "retrieve/dense/code_lists.h"

#include <faiss/IndexIVFPQ.h>
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <new>

#include "kernels/code_sums.h"

namespace narabi::retrieve {
namespace {

using kernels::kCodesOfBlock;
using kernels::kTableEntries;

constexpr std::size_t kHugePage = std::size_t{2} << 20;

// The query's products with the centroids of every part, as integers: product = offset + sum /
// scale.
struct Tables {
  std::vector<std::uint8_t> entries;  // parts x 256
  double offset = 0, scale = 1;

  Tables(const faiss::ProductQuantizer& quantizer, const float* query) {
    std::vector<float> products(quantizer.M * kTableEntries);
    quantizer.compute_inner_prod_table(query, products.data());
    float widest = 0;
    std::vector<float> least;
    for (std::size_t part = 0; part < quantizer.M; ++part) {
      const auto begin = products.begin() + static_cast<std::ptrdiff_t>(part * kTableEntries);
      const auto [low, high] = std::minmax_element(begin, begin + kTableEntries);
      least.push_back(*low);
      offset += *low;
      widest = std::max(widest, *high - *low);
    }
    if (widest > 0) scale = 255 / static_cast<double>(widest);
    for (std::size_t i = 0; i < products.size(); ++i) {
      const double above = static_cast<double>(products[i]) - least[i / kTableEntries];
      entries.push_back(static_cast<std::uint8_t>(std::min(255.0, std::round(above * scale))));
    }
  }
};

struct Candidate {
  float product;
  std::uint32_t number;
};

// Cuts to the best k; the worst of them.
float keep(std::vector<Candidate>& candidates, std::size_t k) {
  if (candidates.size() < k) return -std::numeric_limits<float>::infinity();
  const auto last = candidates.begin() + static_cast<std::ptrdiff_t>(k - 1);
  std::nth_element(candidates.begin(), last, candidates.end(),
                   [](const Candidate& a, const Candidate& b) {
                     return a.product != b.product ? a.product > b.product : a.number < b.number;
                   });
  candidates.resize(k);
  return candidates.back().product;
}

}  // namespace

bool CodeLists::can_hold(const faiss::IndexIVFPQ& index) {
  return index.pq.nbits == 8 && index.pq.M <= kernels::kMostParts && index.by_residual &&
         index.metric_type == faiss::METRIC_INNER_PRODUCT;
}

void CodeLists::Free::operator()(std::uint8_t* memory) const {
  std::free(memory);
}

CodeLists::CodeLists(const faiss::IndexIVFPQ& index, const std::vector<std::int64_t>& numbers)
    : index_(index), lists_(index.nlist) {
  const std::size_t parts = index.pq.M, block_bytes = kCodesOfBlock * parts;
  std::size_t blocks = 0;
  for (std::size_t i = 0; i < lists_.size(); ++i) {
    lists_[i].block = blocks;
    lists_[i].count = index.invlists->list_size(i);
    blocks += (lists_[i].count + kCodesOfBlock - 1) / kCodesOfBlock;
  }
  // A query reads thousands of places of it: huge pages, where the system gives them.
  const std::size_t bytes = (blocks * block_bytes / kHugePage + 1) * kHugePage;
  codes_.reset(static_cast<std::uint8_t*>(std::aligned_alloc(kHugePage, bytes)));
  if (!codes_) throw std::bad_alloc();
  ::madvise(codes_.get(), bytes, MADV_HUGEPAGE);
  for (std::size_t i = 0; i < lists_.size(); ++i) {
    List& list = lists_[i];
    list.first = numbers_.size();
    faiss::InvertedLists::ScopedCodes codes(index.invlists, i);
    faiss::InvertedLists::ScopedIds ids(index.invlists, i);
    for (std::size_t j = 0; j < list.count; ++j) {
      numbers_.push_back(
          static_cast<std::uint32_t>(numbers[static_cast<std::size_t>(ids.get()[j])]));
      std::uint8_t* block = codes_.get() + (list.block + j / kCodesOfBlock) * block_bytes;
      for (std::size_t part = 0; part < parts; ++part)
        block[part * kCodesOfBlock + j % kCodesOfBlock] = codes.get()[j * parts + part];
    }
  }
}

std::vector<std::uint32_t> CodeLists::search(const float* query,
                                             std::span<const std::int64_t> lists,
                                             std::span<const float> products, std::size_t k) const {
  const Tables tables(index_.pq, query);
  std::vector<Candidate> candidates;
  std::vector<std::uint16_t> sums;
  float least = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < lists.size(); ++i) {
    const List& list = lists_[static_cast<std::size_t>(lists[i])];
    const std::size_t blocks = (list.count + kCodesOfBlock - 1) / kCodesOfBlock;
    sums.resize(blocks * kCodesOfBlock);
    kernels::code_sums()(codes_.get() + list.block * kCodesOfBlock * index_.pq.M, blocks,
                         index_.pq.M, tables.entries.data(), sums.data());
    const double base = static_cast<double>(products[i]) + tables.offset;
    for (std::size_t j = 0; j < list.count;) {
      const auto enough = static_cast<int>(
          std::clamp(std::ceil((static_cast<double>(least) - base) * tables.scale), 0.0, 65536.0));
      // Until the best k are known better.
      for (; j < list.count && candidates.size() < 2 * k + kCodesOfBlock; ++j) {
        if (sums[j] < enough) continue;
        candidates.push_back(
            {static_cast<float>(base + sums[j] / tables.scale), numbers_[list.first + j]});
      }
      if (j < list.count) least = keep(candidates, k);
    }
  }
  keep(candidates, k);
  std::vector<std::uint32_t> numbers;
  for (const Candidate& candidate : candidates) numbers.push_back(candidate.number);
  return numbers;
}

}  // namespace narabi::retrieve
