#include "models/bert/config.h"

#include "models/config_fields.h"

namespace narabi::models::bert {

Config read_config(const checkpoint::ConfigFile& file) {
  Config config;
  config.layer.hidden = positive(file, "hidden_size");
  config.layer.heads = positive(file, "num_attention_heads");
  config.layer.intermediate = positive(file, "intermediate_size");
  config.layer.layer_norm_eps = epsilon(file, "layer_norm_eps", 1e-12);
  config.layers = positive(file, "num_hidden_layers", kMaxLayers);
  config.vocabulary = positive(file, "vocab_size");
  config.positions = positive(file, "max_position_embeddings");
  config.token_types = positive(file, "type_vocab_size");
  require_whole_heads(file, config.layer.hidden, config.layer.heads);
  file.one_of("hidden_act", {"gelu"}, "gelu");
  file.one_of("position_embedding_type", {"absolute"}, "absolute");
  require_flag(file, "is_decoder", false);
  require_flag(file, "add_cross_attention", false);
  return config;
}

}  // namespace narabi::models::bert
