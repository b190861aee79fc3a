// Another scale and offset for a reranker's logits, inside of its weights, so that they hold for
// every engine that reads the folder.
#pragma once

#include <string>

#include "checkpoint/model_folder.h"
#include "checkpoint/model_record.h"

namespace narabi::checkpoint {

// A folder whose logits are scale x logit + offset of another one's: by its last layer,
// "classifier" or its "out_proj", in its own type. A power of two as scale rounds no weight (but
// of f16 those below 6e-5).
class Rescaling {
 public:
  // Looks at all that can be wrong before a scale is known. Throws InvalidArgument, naming the
  // folder, when there is no such layer, no bias for the offset, several outputs, or where
  // check_derived_output does; Unsupported for a packed folder.
  Rescaling(const std::string& folder, const std::string& output);

  // As it can be stored in the layer's own type.
  double stored(double scale, double offset) const;
  // `record` becomes its narabi.json. Throws IoError.
  void write(double scale, double offset, const ModelRecord& record) const;

 private:
  std::vector<std::byte> scaled_weight(double scale) const;
  std::vector<std::byte> scaled_bias(double scale, double offset) const;

  ModelFolder model_;
  std::string output_;
  const TensorView *weight_ = nullptr, *bias_ = nullptr;  // of the last layer
};

}  // namespace narabi::checkpoint
