// Checks that the configs of all architectures share.
#pragma once

#include "checkpoint/config_file.h"

namespace narabi::models {

// Each throws InvalidFormat or Unsupported naming file, key, expected and found.
int positive(const checkpoint::ConfigFile& file, const char* key);  // 1 to 2^24
float epsilon(const checkpoint::ConfigFile& file, const char* key, double fallback);
void require_whole_heads(const checkpoint::ConfigFile& file, int hidden, int heads);
// Absent counts as `value`.
void require_flag(const checkpoint::ConfigFile& file, const char* key, bool value);

}  // namespace narabi::models
