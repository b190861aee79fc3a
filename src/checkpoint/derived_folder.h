// A model folder that is made of another one: other weights, the same tokenizer.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/model_folder.h"
#include "checkpoint/model_record.h"
#include "checkpoint/safetensors_writer.h"

namespace narabi::checkpoint {

// Throws Unsupported for a folder that narabi quantize has packed: its weights have no values that
// could be changed.
void require_unpacked(const std::string& folder);

// The folders in it that modules.json of sentence-transformers names (1_Pooling), relative to it.
// Throws InvalidFormat for one outside.
std::vector<std::string> module_folders(const ModelFolder& source);

// Throws InvalidArgument where there are files in `output` already, which would mix with these;
// what an interrupted write_derived_folder has left of the same is no such file.
void check_derived_output(const ModelFolder& source, const std::string& output);

// The files of `source` and of the folders in it that its modules.json names, but for its own
// weights and narabi.json, whose records are of one model's
// quality: `record` stands in its place; `config`, where it is not empty, in that of config.json.
// model.safetensors last, so that a folder is whole or cannot be loaded. Throws as above, and
// IoError.
void write_derived_folder(const ModelFolder& source, const std::string& output,
                          std::span<const TensorToWrite> tensors,
                          const ModelRecord* record = nullptr, std::string_view config = {});

}  // namespace narabi::checkpoint
