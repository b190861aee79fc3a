// Checks that the configs of all architectures share.
#pragma once

#include "checkpoint/config_file.h"

namespace narabi::models {

constexpr int kMaxExtent = 1 << 24;
// Tables are made for every layer and rotary position before a weight is looked at, so a
// config.json that lies about them must not be able to ask for gigabytes.
constexpr int kMaxLayers = 1024;
constexpr int kMaxRotaryPositions = 1 << 17;

// Each throws InvalidFormat or Unsupported naming file, key, expected and found.
int positive(const checkpoint::ConfigFile& file, const char* key, int limit = kMaxExtent);
float epsilon(const checkpoint::ConfigFile& file, const char* key, double fallback);
void require_whole_heads(const checkpoint::ConfigFile& file, int hidden, int heads);
// Absent counts as `value`.
void require_flag(const checkpoint::ConfigFile& file, const char* key, bool value);

}  // namespace narabi::models
