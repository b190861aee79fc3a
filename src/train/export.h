// A trained model as a Hugging Face folder, which narabi and transformers load alike.
#pragma once

#include <string>

#include "train/model.h"

namespace narabi::train {

// A narabi.json that lies there speaks of other weights and is removed. Writes config.json (of
// `config_path`, with the architecture of the model and, for a reranker, one label), the
// tokenizer's files of `tokenizer_folder` and model.safetensors; each file whole or not at all.
// `dtype`: "f32" or "f16".
void export_model(const std::string& folder, const Model& model, Task task,
                  const std::string& config_path, const std::string& tokenizer_folder,
                  const std::string& dtype);

}  // namespace narabi::train
