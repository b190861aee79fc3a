// Small dense layers of the heads, which run once a sequence: plain loops with double sums.
#pragma once

#include <vector>

#include "checkpoint/model_folder.h"

namespace narabi::models {

struct DenseWeights {
  std::vector<float> weight;  // [out, in]
  std::vector<float> bias;    // [out], or empty
  std::vector<float> apply(const std::vector<float>& input) const;
};

DenseWeights load_dense(const checkpoint::TensorTable& tensors, const std::string& name);

// The number of labels that config.json gives (id2label, num_labels) has to be 1; throws
// Unsupported.
void require_one_label(const checkpoint::ConfigFile& config);

}  // namespace narabi::models
