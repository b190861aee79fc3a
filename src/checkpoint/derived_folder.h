// A model folder that is made of another one: other weights, the same config.json and tokenizer.
#pragma once

#include <span>
#include <string>

#include "checkpoint/model_folder.h"
#include "checkpoint/safetensors_writer.h"

namespace narabi::checkpoint {

// The files of `source` itself but for weights and narabi.json, whose records are of one model's
// quality; model.safetensors last. Throws IoError, and InvalidArgument where there are files in
// `output` already, which would mix with these.
void write_derived_folder(const ModelFolder& source, const std::string& output,
                          std::span<const TensorToWrite> tensors);

}  // namespace narabi::checkpoint
