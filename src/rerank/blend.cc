#include "rerank/blend.h"

#include <algorithm>

namespace narabi::rerank {

std::vector<Blended> blend(std::span<const float> logits, std::span<const double> first_stage,
                           double weight) {
  std::vector<Blended> out;
  out.reserve(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    out.push_back({i, first_stage[i], logits[i], logits[i] + weight * first_stage[i]});
  }
  std::stable_sort(out.begin(), out.end(), [](const Blended& a, const Blended& b) {
    return a.final_score > b.final_score;
  });
  return out;
}

}  // namespace narabi::rerank
