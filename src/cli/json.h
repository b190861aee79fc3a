// One JSON object a line, keys in the order they are set.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace narabi::cli {

class JsonLine {
 public:
  JsonLine();
  ~JsonLine();
  JsonLine& set(const char* key, std::string_view value);
  JsonLine& set(const char* key, double value);
  JsonLine& set(const char* key, float value);
  JsonLine& set_integer(const char* key, std::int64_t value);
  JsonLine& set_flag(const char* key, bool value);
  JsonLine& set(const char* key, std::span<const float> values);
  JsonLine& set(const char* key, std::span<const std::int32_t> values);
  JsonLine& set(const char* key, std::span<const std::string> values);
  JsonLine& set_json(const char* key, std::string_view json);  // a value that is JSON already
  std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narabi::cli
