// A model folder in packed int8 form: weights, tokenizer and stamp, all that loading maps.
#pragma once

#include <cstdint>
#include <string>

#include "engine/precision.h"

namespace narabi::engine {

struct PackedFolder {
  std::uint64_t source_bytes = 0, bytes = 0;  // of the files of weights
  bool tokenizer = false;                     // compiled, see tokenize/compiled.h
};

// Throws InvalidArgument unless `output` is new or empty, or holds the packed form of these very
// weights, whole or as far as an earlier call came: that is written again.
void check_packed_output(const std::string& folder, const std::string& output);

// Writes the reranker or encoder in `folder` to the folder `output`, which is made where there is
// none: model.safetensors (models/packed_tensors.h), tokenizer.narabi, the small files beside them,
// and at last narabi.json with the stamp, without which a folder is refused. Throws as above, and
// Unsupported for a folder that is packed already or no model that narabi runs.
// `layers`: those that are not to be int8, see calibration.h.
PackedFolder pack_folder(const std::string& folder, const std::string& output,
                         const LayerPrecisions& layers = {});

}  // namespace narabi::engine
