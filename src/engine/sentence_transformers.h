// The files that sentence-transformers puts around an encoder: modules.json, pooling, prompts.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/config_file.h"
#include "checkpoint/safetensors.h"
#include "engine/scorer.h"

namespace narabi::engine {

// What comes after pooling.
struct VectorModule {
  enum class Kind { kNormalize, kDense } kind = Kind::kNormalize;
  std::string folder;  // of a Dense: its config.json and weights
};

struct EmbedderLayout {
  bool is_static = false;  // StaticEmbedding: a table of vectors, no encoder
  std::string encoder;     // folder of config.json and the tokenizer, or of the static table
  Pooling pooling = Pooling::kMean;
  std::vector<VectorModule> modules;        // in their order
  std::optional<std::size_t> truncate_dim;  // numbers of a vector that are kept, the first ones
  int max_length = 0;      // sentence_bert_config.json's max_seq_length; 0: not given
  bool lowercase = false;  // its do_lower_case
  std::optional<std::size_t>
      static_ids;  // ids a text keeps: tokenizer.json's truncation.max_length
  std::map<std::string, std::string> prompts;
  std::string default_prompt;  // the one of default_prompt_name: for texts embedded without a name
};

// modules.json is there, and no cross-encoder's: sentence-transformers 6 writes it for those, too.
bool is_embedder(const std::string& folder);

// config_sentence_transformers.json of a cross-encoder that sentence-transformers 6 saved; nothing
// for another folder, as the reference reads it beside modules.json alone. Throws Unsupported where
// it puts a prompt in front of every query.
std::optional<checkpoint::ConfigFile> cross_encoder_settings(const std::string& folder);

// Throws Error: a module that narabi does not have is named, with those it has.
EmbedderLayout read_layout(const std::string& folder);

// The table of a StaticEmbedding module [V, H]. Throws InvalidFormat where the file holds no such
// tensor or an empty one, Unsupported where other tensors tell how rows are looked up or weighted.
const checkpoint::TensorView& find_static_table(const checkpoint::Safetensors& file);

}  // namespace narabi::engine
