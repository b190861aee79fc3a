#include "models/config_fields.h"

#include "narabi/error.h"

namespace narabi::models {

int positive(const checkpoint::ConfigFile& file, const char* key, int limit) {
  const std::int64_t value = file.integer(key);
  if (value < 1 || value > limit) {
    throw InvalidFormat(file.path() + ": " + key + ": expected 1 to " + std::to_string(limit) +
                        ", found " + std::to_string(value));
  }
  return static_cast<int>(value);
}

float epsilon(const checkpoint::ConfigFile& file, const char* key, double fallback) {
  const double value = file.number(key, fallback);
  if (!(value > 0) || value > 1) {
    throw InvalidFormat(file.path() + ": " + key + ": expected a number above 0, found " +
                        std::to_string(value));
  }
  return static_cast<float>(value);
}

void require_whole_heads(const checkpoint::ConfigFile& file, int hidden, int heads) {
  if (hidden % heads == 0) return;
  throw InvalidFormat(file.path() + ": num_attention_heads: expected a divisor of hidden_size " +
                      std::to_string(hidden) + ", found " + std::to_string(heads));
}

void require_flag(const checkpoint::ConfigFile& file, const char* key, bool value) {
  if (file.flag(key, value) != value) file.unsupported(key, value ? "true" : "false");
}

}  // namespace narabi::models
