#include "models/pooling.h"

namespace narabi::models {

std::vector<float> mean_pool(const float* hidden, std::size_t tokens, std::size_t width) {
  std::vector<double> sums(width);
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t i = 0; i < width; ++i) sums[i] += hidden[t * width + i];
  }
  std::vector<float> mean(width);
  for (std::size_t i = 0; i < width; ++i)
    mean[i] = static_cast<float>(sums[i] / static_cast<double>(tokens));
  return mean;
}

}  // namespace narabi::models
