// The mean of several models' weights: a model soup (Wortsman et al. 2022). Runs that begin with
// one model and differ in data, seed or loss end in one valley; their mean is often better than the
// best of them, on other text above all, and costs nothing when it runs.
#pragma once

#include <span>
#include <string>

namespace narabi::checkpoint {

// Writes config.json, the tokenizer's files and model.safetensors, in the first folder's type. What
// narabi.json says of one of the models (its gate, its blend) holds for no mean and is left out.
// Throws InvalidArgument for fewer than two folders, for another tokenizer, and for tensors that
// are not the same in name and shape, naming folder and tensor.
// `logit_scale`: the last layer ("classifier", or its "out_proj") times this, so that all logits
// are: at a teacher's scale f32's rounding comes near 1e-4. A power of two changes no order.
void average_folders(std::span<const std::string> folders, const std::string& output,
                     float logit_scale = 1);

}  // namespace narabi::checkpoint
