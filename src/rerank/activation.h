// What sentence-transformers makes of a logit, and narabi.json.
#pragma once

#include <map>
#include <string>

namespace narabi::rerank {

enum class Activation { kSigmoid, kIdentity };

// From config_sentence_transformers.json where sentence-transformers 6 saved the folder:
// activation_fn; else from config.json: sentence_transformers.activation_fn, or the older
// sbert_ce_default_activation_function; Sigmoid where none is there (num_labels is 1). Throws
// Unsupported for another one, and for a prompt (engine::cross_encoder_settings()).
Activation read_activation(const std::string& folder);
float activate(Activation activation, float logit);

// narabi.json: {"blend": {"bm25": 0.3}}; empty without the file. Throws InvalidFormat.
std::map<std::string, double> read_blend(const std::string& folder);

}  // namespace narabi::rerank
