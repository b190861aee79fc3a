// Which architectures there are, and how a folder becomes a model.
#pragma once

#include <cstdint>
#include <set>
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
// load_encoder: encoder only; a reranker's folder will do. A packed folder has operands of its own.
LoadedModel load_reranker(const std::string& folder, const Operands& operands);
LoadedModel load_encoder(const std::string& folder, const Operands& operands);

// The groups of linear layers of a folder with weights in floats (layer_weights.h), in the order of
// the model.
std::vector<std::string> linear_groups(const std::string& folder);

// Writes the weights of the reranker or encoder in `folder` in packed int8 form to the file `path`,
// but the groups `bf16` in bf16; where it lies, checkpoint::ModelRecord has to stamp it before it
// is loaded. Throws Unsupported for a folder that is packed already.
void pack_model(const std::string& folder, const std::string& path,
                const std::set<std::string>& bf16);

}  // namespace narabi::models
