// The inverted lists of a Faiss IVF,PQ index with codes of 8 bits, laid out for kernels::code_sums.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace faiss {
struct IndexIVFPQ;
}

namespace narabi::retrieve {

class CodeLists {
 public:
  static bool can_hold(const faiss::IndexIVFPQ& index);
  // Copies the lists; the product quantiser of `index` has to stay. numbers: of the documents, by
  // the index's ids.
  CodeLists(const faiss::IndexIVFPQ& index, const std::vector<std::int64_t>& numbers);

  // The `k` documents with the best approximate inner products in the lists, in no order.
  // products: of the query with the lists' centroids, best first.
  std::vector<std::uint32_t> search(const float* query, std::span<const std::int64_t> lists,
                                    std::span<const float> products, std::size_t k) const;

 private:
  struct List {
    std::size_t block = 0;             // its first, of those of all lists
    std::size_t first = 0, count = 0;  // in numbers_
  };
  struct Free {
    void operator()(std::uint8_t* memory) const;
  };
  const faiss::IndexIVFPQ& index_;
  std::vector<List> lists_;
  std::vector<std::uint32_t> numbers_;
  std::unique_ptr<std::uint8_t[], Free> codes_;  // blocks of 64 vectors, part by part
};

}  // namespace narabi::retrieve
