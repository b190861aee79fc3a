#include "retrieve/fusion.h"

#include <algorithm>
#include <limits>

namespace narabi::retrieve {
namespace {

void sort_fused(std::vector<Fused>& hits) {
  std::stable_sort(hits.begin(), hits.end(), [](const Fused& a, const Fused& b) {
    return a.score != b.score ? a.score > b.score : a.number < b.number;
  });
}

// Scales the scores of one arm; all equal: 1.
class Scale {
 public:
  void see(double score) {
    least_ = std::min(least_, score);
    largest_ = std::max(largest_, score);
  }
  double operator()(double score) const {
    return largest_ > least_ ? (score - least_) / (largest_ - least_) : 1;
  }

 private:
  double least_ = std::numeric_limits<double>::infinity();
  double largest_ = -std::numeric_limits<double>::infinity();
};

}  // namespace

std::vector<Fused> unite(const std::vector<RankedNumber>& bm25,
                         const std::vector<RankedNumber>& dense) {
  std::vector<Fused> hits;
  std::map<std::uint32_t, std::size_t> position;
  for (const RankedNumber& hit : bm25) {
    position[hit.number] = hits.size();
    hits.push_back({.number = hit.number,
                    .bm25_rank = static_cast<std::uint32_t>(hits.size()) + 1,
                    .bm25 = hit.score});
  }
  std::uint32_t rank = 0;
  for (const RankedNumber& hit : dense) {
    const auto [found, fresh] = position.try_emplace(hit.number, hits.size());
    if (fresh) hits.push_back({.number = hit.number});
    hits[found->second].dense_rank = ++rank;
    hits[found->second].dense = hit.score;
  }
  return hits;
}

void fuse_by_rank(std::vector<Fused>& hits, double k) {
  for (Fused& hit : hits) {
    hit.score = (hit.bm25_rank ? 1 / (k + hit.bm25_rank) : 0) +
                (hit.dense_rank ? 1 / (k + hit.dense_rank) : 0);
  }
  sort_fused(hits);
}

void fuse_by_score(std::vector<Fused>& hits, double dense_weight) {
  Scale bm25, dense;
  for (const Fused& hit : hits) {
    if (hit.bm25_rank) bm25.see(hit.bm25);
    if (hit.dense_rank) dense.see(hit.dense);
  }
  for (Fused& hit : hits) {
    hit.score = (hit.bm25_rank ? (1 - dense_weight) * bm25(hit.bm25) : 0) +
                (hit.dense_rank ? dense_weight * dense(hit.dense) : 0);
  }
  sort_fused(hits);
}

}  // namespace narabi::retrieve
