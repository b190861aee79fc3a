// The mean of several models' weights: a model soup (Wortsman et al. 2022). Runs that begin with
// one model and differ in data, seed or loss end in one valley; their mean is often better than the
// best of them, on other text above all, and costs nothing when it runs.
#pragma once

#include <span>
#include <string>

namespace narabi::checkpoint {

// Writes config.json, the tokenizer's files, an embedder's modules and model.safetensors, in the
// first folder's type. What narabi.json says of one of the models (its gate, its blend) holds for
// no mean and is left out. Throws InvalidArgument for fewer than two folders, for another
// architecture, module or tokenizer, and for tensors that are not the same in name and shape,
// naming folder and key or tensor; Unsupported for a packed folder and for a module with weights.
void average_folders(std::span<const std::string> folders, const std::string& output);

}  // namespace narabi::checkpoint
