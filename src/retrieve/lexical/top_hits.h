// The best k of a stream of scored documents.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace narabi::retrieve {

struct ScoredNumber {
  std::uint32_t number = 0;  // the document's, in the store
  std::int32_t score = 0;    // fixed point, see lexical_search.h
};

inline bool ranks_before(const ScoredNumber& a, const ScoredNumber& b) {
  return a.score != b.score ? a.score > b.score : a.number < b.number;
}

class TopHits {
 public:
  explicit TopHits(std::size_t k) : k_(k) {}

  // What a document needs at least to get in; equal may do, by its number.
  std::int32_t threshold() const { return heap_.size() < k_ ? 1 : heap_.front().score; }
  void push(const ScoredNumber& hit) {
    if (heap_.size() < k_) {
      heap_.push_back(hit);
      std::push_heap(heap_.begin(), heap_.end(), ranks_before);
    } else if (ranks_before(hit, heap_.front())) {
      std::pop_heap(heap_.begin(), heap_.end(), ranks_before);
      heap_.back() = hit;
      std::push_heap(heap_.begin(), heap_.end(), ranks_before);
    }
  }
  std::vector<ScoredNumber> take() {
    std::sort_heap(heap_.begin(), heap_.end(), ranks_before);
    return std::move(heap_);
  }

 private:
  std::size_t k_;
  std::vector<ScoredNumber> heap_;  // the worst in front
};

}  // namespace narabi::retrieve
