// An inverted index in memory, scored with BM25 by accumulators.
//
//   score(d) = sum over terms t of the query of idf(t) tf (k1 + 1) / (tf + k1 (1 - b + b |d| /
//   avg|d|)), idf(t) = ln(1 + (N - df + 0.5) / (df + 0.5))
// (Robertson and Zaragoza 2009, with Lucene's idf, which is never negative).
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace narabi::retrieve {

struct Bm25Options {
  double k1 = 1.2;
  double b = 0.75;
};

// Filled by add() in the order of the documents, then finish(), then read by any number of threads.
class Postings {
 public:
  void add(const std::vector<std::string>& terms);
  void finish(const Bm25Options& options);
  // scores[d] += weight x BM25 of the query's terms; a term that the query repeats counts as often.
  void accumulate(const std::vector<std::string>& query, float weight,
                  std::vector<float>& scores) const;
  std::size_t documents() const { return lengths_.size(); }

 private:
  struct Posting {
    std::uint32_t document;
    std::uint32_t frequency;
  };
  struct List {
    std::vector<Posting> postings;
    float idf = 0;
  };

  std::unordered_map<std::string, std::uint32_t> terms_;
  std::vector<List> lists_;
  std::vector<std::uint32_t> lengths_;  // terms of a document
  std::vector<float> norms_;            // k1 (1 - b + b |d| / avg|d|)
  float k1_ = 0;
};

}  // namespace narabi::retrieve
