#include "models/dense_head.h"

namespace narabi::models {

std::vector<float> DenseWeights::apply(const std::vector<float>& input) const {
  const std::size_t in = input.size(), out = weight.size() / in;
  std::vector<float> result(out);
  for (std::size_t o = 0; o < out; ++o) {
    double sum = bias.empty() ? 0.0 : static_cast<double>(bias[o]);
    for (std::size_t i = 0; i < in; ++i) sum += static_cast<double>(weight[o * in + i]) * input[i];
    result[o] = static_cast<float>(sum);
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
