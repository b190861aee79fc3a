#include "models/dense_head.h"

#include <algorithm>

namespace narabi::models {

std::vector<float> DenseWeights::apply(const std::vector<float>& input) const {
  const std::size_t in = input.size(), out = weight.size() / in;
  std::vector<float> result(out);
  constexpr std::size_t kSums = 8;  // side by side: a sum alone waits for each addition
  for (std::size_t o = 0; o < out; o += kSums) {
    const std::size_t count = std::min(kSums, out - o);
    double sums[kSums] = {};
    for (std::size_t k = 0; k < count && !bias.empty(); ++k) sums[k] = bias[o + k];
    for (std::size_t i = 0; i < in; ++i) {
      for (std::size_t k = 0; k < count; ++k)
        sums[k] += static_cast<double>(weight[(o + k) * in + i]) * input[i];
    }
    for (std::size_t k = 0; k < count; ++k) result[o + k] = static_cast<float>(sums[k]);
  }
  return result;
}

DenseWeights load_dense(const checkpoint::TensorTable& tensors, const std::string& name) {
  return {tensors.f32(name + ".weight"), tensors.f32(name + ".bias")};
}

void require_one_label(const checkpoint::ConfigFile& config) {
  if (config.has("id2label")) {
    if (config.keys("id2label").size() != 1)
      config.unsupported("id2label", "one label (a reranker)");
  } else if (config.integer("num_labels", 2) != 1) {
    config.unsupported("num_labels", "1 (a reranker)");
  }
}

}  // namespace narabi::models
