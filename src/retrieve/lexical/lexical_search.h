// The exact top k of BM25 over segments, without visiting every posting.
//
// A segment is walked in windows of documents. In a window the terms are ordered by what they can
// add at most (from the bounds of their blocks). Those that together cannot lift a document over
// the threshold are left aside; the others' postings are added up in an array as long as the
// window. Documents that could still get in with the rest's bound are then completed, the largest
// term first, and dropped as soon as they cannot. (MaxScore, Turtle and Flood 1995, with the block
// bounds of Ding and Suel 2011, and term-at-a-time inside a window.) Scores are sums of integers
// (fixed point), so that neither the order of the terms nor the cut into segments changes a score.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "retrieve/bm25/analyzer.h"
#include "retrieve/lexical/impact.h"
#include "retrieve/lexical/segment.h"
#include "retrieve/lexical/top_hits.h"

namespace narabi::retrieve {

// One bit per document of a segment.
class Bitmap {
 public:
  Bitmap() = default;
  explicit Bitmap(std::size_t bits) : words_((bits + 63) / 64) {}
  void set(std::size_t bit) { words_[bit / 64] |= std::uint64_t{1} << (bit % 64); }
  bool test(std::size_t bit) const { return words_[bit / 64] >> (bit % 64) & 1; }
  bool empty() const { return words_.empty(); }
  std::size_t count() const {
    std::size_t bits = 0;
    for (const std::uint64_t word : words_) bits += static_cast<std::size_t>(std::popcount(word));
    return bits;
  }
  template <typename Body>
  void for_each(Body body) const {  // of the bits that are set, ascending
    for (std::size_t i = 0; i < words_.size(); ++i) {
      for (std::uint64_t word = words_[i]; word != 0; word &= word - 1)
        body(i * 64 + static_cast<std::size_t>(std::countr_zero(word)));
    }
  }

 private:
  std::vector<std::uint64_t> words_;
};

// A segment as a search sees it.
struct SearchedSegment {
  std::shared_ptr<const Segment> segment;
  Bitmap dead;  // empty: all are alive
};

// What the scores of an index depend on: of all segments together, the dead included until they are
// compacted away, as Lucene counts.
struct LexicalStatistics {
  std::uint64_t documents = 0;
  std::array<double, kFields> average_length = {1, 1};
  Bm25Parameters bm25;
  std::array<double, kFields> field_weight = {1, 1};
};

LexicalStatistics statistics_of(std::span<const SearchedSegment> segments,
                                const Bm25Parameters& bm25,
                                const std::array<double, kFields>& field_weight);

// A term of a query, and what one segmentless document could gain by it.
struct QueryTerm {
  std::string text;  // with the field's letter
  int field = kWords;
  std::uint32_t count = 0;                     // in the query
  std::uint64_t documents = 0;                 // that hold it
  double weight = 0;                           // count x field weight x idf
  std::vector<std::optional<ListView>> lists;  // by segment
};

// Built when the index is opened; immutable; safe to share between threads.
class LexicalSearch {
 public:
  LexicalSearch(std::vector<SearchedSegment> segments, const LexicalStatistics& statistics);

  struct Hit {
    std::uint32_t number = 0;
    double score = 0;
  };
  // `allowed`: empty, or one bitmap per segment (in their order), which a document has to be in.
  std::vector<Hit> search(const Terms& query, std::size_t k, std::span<const Bitmap> allowed) const;

  // The query's terms that the index holds, the heaviest first.
  std::vector<QueryTerm> terms_of(const Terms& query) const;
  struct Contribution {
    QueryTerm term;
    std::uint32_t frequency = 0;
    std::uint32_t length = 0;  // of the document, in terms of that field
    double score = 0;
  };
  // What each term adds to the score of a document; empty for one that no segment holds.
  std::vector<Contribution> explain(const Terms& query, std::uint32_t number) const;

  // Whether a segment holds the document, alive, and the bitmaps (one per segment, or none) let it
  // through.
  bool is_alive(std::uint32_t number, std::span<const Bitmap> allowed) const;

  const std::vector<SearchedSegment>& segments() const { return segments_; }
  const LexicalStatistics& statistics() const { return statistics_; }

 private:
  friend class SegmentSearch;
  std::vector<SearchedSegment> segments_;
  LexicalStatistics statistics_;
  std::array<kernels::Bm25Impact, kFields> impacts_;
};

}  // namespace narabi::retrieve
