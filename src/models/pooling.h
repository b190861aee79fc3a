// Hidden states of a sequence to one vector.
#pragma once

#include <cstddef>
#include <vector>

namespace narabi::models {

// Mean over [tokens, width].
std::vector<float> mean_pool(const float* hidden, std::size_t tokens, std::size_t width);

}  // namespace narabi::models
