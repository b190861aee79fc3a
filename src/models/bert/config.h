// config.json of BERT, and of XLM-RoBERTa, which adds only how positions are counted.
#pragma once

#include "checkpoint/config_file.h"
#include "models/encoder.h"
#include "models/post_norm_layer.h"

namespace narabi::models::bert {

struct Config {
  PostNormConfig layer;
  int layers = 0;
  int vocabulary = 0;
  int positions = 0;    // rows of the position table
  int token_types = 0;  // rows of the token type table
};

// Reads and checks every field that changes the result.
Config read_config(const checkpoint::ConfigFile& file);

}  // namespace narabi::models::bert
