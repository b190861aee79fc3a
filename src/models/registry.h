// Which architectures there are, and how a folder becomes a model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/encoder.h"
#include "models/layer_weights.h"

namespace narabi::models {

// What config.json and the table of weights say, without loading weights.
struct ModelShape {
  std::string architecture;  // as in config.json
  EncoderShape encoder;
  std::string pooling;  // "cls" or "mean"; of the head, empty for a bare encoder
  std::int64_t parameters = 0;
  std::vector<std::string> extras;  // tensors in the folder that the model does not use
};

// Throw Unsupported for an architecture that is not in the registry, with what is; InvalidFormat
// for tensors that are missing or of another shape than config.json says.
ModelShape read_shape(const checkpoint::ModelFolder& folder);
// load_encoder: encoder only; a reranker's folder will do. A packed folder has operands of its own;
// InvalidArgument for those of a group that the model lacks.
LoadedModel load_reranker(const std::string& folder, const Operands& operands);
LoadedModel load_encoder(const std::string& folder, const Operands& operands);

// A group of linear layers (layer_weights.h) and how many weights it has, padding included.
struct LinearGroup {
  std::string name;
  std::size_t weights = 0;
};

// Those of a folder with weights in floats, in the order of the model.
std::vector<LinearGroup> linear_groups(const std::string& folder);

// Writes the weights of the reranker or encoder in `folder` in packed int8 form to the file `path`,
// but the groups in `others` as they say; where it lies, checkpoint::ModelRecord has to stamp it
// before it is loaded. Throws Unsupported for a folder that is packed already.
void pack_model(const std::string& folder, const std::string& path, const GroupOperands& others);

}  // namespace narabi::models
