// config.json of ModernBERT, as transformers 4 and transformers 5 write it.
#pragma once

#include <vector>

#include "checkpoint/config_file.h"

namespace narabi::models::modernbert {

enum class Pooling { kCls, kMean };

struct Config {
  int hidden = 0;
  int heads = 0;
  int intermediate = 0;
  int layers = 0;
  int vocabulary = 0;
  int positions = 0;
  float norm_eps = 0;
  bool norm_bias = false;
  bool attention_bias = false;
  bool mlp_bias = false;
  bool classifier_bias = false;
  Pooling classifier_pooling = Pooling::kCls;
  int window = 0;            // a local layer's token i sees j with |i - j| <= window
  double global_theta = 0;   // RoPE base of global layers
  double local_theta = 0;    // of local layers
  std::vector<bool> global;  // per layer
};

// Where both styles are present, the newer one (layer_types, rope_parameters) is followed, as
// transformers 5 does.
Config read_config(const checkpoint::ConfigFile& file);

}  // namespace narabi::models::modernbert
