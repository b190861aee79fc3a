// One query over one segment: the windows of lexical_search.h.
#pragma once

#include <cstdint>
#include <vector>

#include "retrieve/lexical/lexical_search.h"

namespace narabi::retrieve {

class SegmentSearch {
 public:
  // scale: fixed-point units per 1 of score.
  SegmentSearch(const LexicalSearch& search, std::size_t segment, const Bitmap* allowed,
                const std::vector<QueryTerm>& terms, double scale, TopHits& top);
  void run();

 private:
  struct Term {
    PostingsCursor cursor;
    int field;
    float weight;        // x scale
    float bound_unit;    // what one unit of a bound byte stands for, at most
    std::int32_t bound;  // in the current window
  };
  struct Candidate {
    std::uint32_t document;
    std::int64_t score;
  };

  void run_window(std::uint32_t base, std::uint32_t end);
  void fetch_lengths(std::uint32_t base, std::uint32_t end) const;  // ahead of their window
  // Orders the terms by their bounds in the window; the sum of all.
  std::int64_t set_bounds(std::uint32_t base, std::uint32_t end);
  void add_postings(Term& term, std::uint32_t base, std::uint32_t end);
  std::size_t add_while_cheaper(std::uint32_t base, std::uint32_t end, std::size_t essential);
  std::uint32_t least_score(std::int64_t missing) const;
  void collect(std::uint32_t base, std::int64_t missing);
  void complete(std::size_t essential);

  const LexicalSearch& search_;
  const SearchedSegment& segment_;
  const Bitmap* allowed_;
  TopHits& top_;
  std::vector<Term> terms_;
  std::vector<Term*> order_;                       // by bound in the window, ascending
  std::vector<std::int64_t> up_to_;                // up_to_[i]: sum of the bounds of order_[0..i)
  std::vector<std::uint32_t> scores_;              // of the window
  std::vector<std::uint32_t> positions_, values_;  // of those that are large enough
  std::vector<Candidate> candidates_;
  const std::uint16_t* lengths_[kFields];
};

}  // namespace narabi::retrieve
