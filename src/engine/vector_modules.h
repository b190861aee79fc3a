// What sentence-transformers does to a pooled vector: Dense, Normalize, truncate_dim.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "engine/sentence_transformers.h"

namespace narabi::engine {

class VectorModules {
 public:
  // `width`: of the pooled vector. Loads the weights of Dense modules; throws Error for one of
  // another width, another activation, or with settings that change its result.
  VectorModules(const EmbedderLayout& layout, std::size_t width);
  std::size_t width() const { return width_; }  // of the result
  // The modules in their order.
  std::vector<float> operator()(std::vector<float> pooled) const;

 private:
  std::size_t width_ = 0;
  std::vector<std::function<void(std::vector<float>&)>> modules_;
};

}  // namespace narabi::engine
