// A deeper model that computes what another one does, to be trained further: copies of its layers
// whose last products (attn.Wo, mlp.Wo) are zero, so that each adds nothing until it has learned
// to (block expansion: Wu et al. 2024, "LLaMA Pro").
#pragma once

#include <string>

namespace narabi::models::modernbert {

// Writes the folder of `layers` layers, with the tokenizer's files and without narabi.json. The
// copies stand evenly among the layers, after what they are copies of; where global and local
// layers take turns a whole turn is copied, so that every layer keeps its kind. Throws Unsupported
// for other architectures and for a packed folder, InvalidArgument for a number of layers that is
// not above the model's or breaks a turn, and for an `output` that holds files.
void deepen(const std::string& folder, int layers, const std::string& output);

}  // namespace narabi::models::modernbert
