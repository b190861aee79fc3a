// Which architectures there are, and how a folder becomes a model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/encoder.h"

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
// `operand`: what the linear layers multiply. load_encoder: encoder only; a reranker's folder will
// do.
LoadedModel load_reranker(const std::string& folder, kernels::Operand operand);
LoadedModel load_encoder(const std::string& folder, kernels::Operand operand);

// Writes the weights of the reranker or encoder in `folder` in packed int8 form to the file `path`;
// where it lies, checkpoint::ModelRecord has to stamp it before it is loaded. Throws Unsupported
// for a folder that is packed already.
void pack_model(const std::string& folder, const std::string& path);

}  // namespace narabi::models
