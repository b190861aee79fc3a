// One ranking out of two.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace narabi::retrieve {

// A document as the arms found it. Ranks from 1; 0: the arm did not find it.
struct Fused {
  std::uint32_t number = 0;
  std::uint32_t bm25_rank = 0, dense_rank = 0;
  double bm25 = 0, dense = 0, score = 0;
};

struct RankedNumber {
  std::uint32_t number = 0;
  double score = 0;
};

// The union of both, without scores of its own; the order is that of bm25, then dense.
std::vector<Fused> unite(const std::vector<RankedNumber>& bm25,
                         const std::vector<RankedNumber>& dense);

// score = sum over arms of 1 / (k + rank) (Cormack, Clarke and Buettcher 2009).
void fuse_by_rank(std::vector<Fused>& hits, double k);
// score = (1 - weight) x bm25 + weight x dense, each scaled to [0, 1] between the least and the
// largest score of its arm; what an arm did not find counts 0 there (Bruch, Gai and Ingber 2023).
void fuse_by_score(std::vector<Fused>& hits, double dense_weight);

}  // namespace narabi::retrieve
