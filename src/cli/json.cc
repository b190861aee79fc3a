#include "cli/json.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace narabi::cli {

using nlohmann::ordered_json;

struct JsonLine::Impl {
  ordered_json object = ordered_json::object();
};

namespace {

// The shortest decimal that reads back as the same float, rather than as the same double.
double shortest(float value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  double out = 0;
  std::from_chars(text, end, out);
  return out;
}

}  // namespace

JsonLine::JsonLine() : impl_(std::make_unique<Impl>()) {}
JsonLine::~JsonLine() = default;

JsonLine& JsonLine::set(const char* key, std::string_view value) {
  impl_->object[key] = std::string(value);
  return *this;
}
JsonLine& JsonLine::set(const char* key, double value) {
  impl_->object[key] = value;
  return *this;
}
JsonLine& JsonLine::set(const char* key, float value) {
  return set(key, shortest(value));
}
JsonLine& JsonLine::set_integer(const char* key, std::int64_t value) {
  impl_->object[key] = value;
  return *this;
}
JsonLine& JsonLine::set_flag(const char* key, bool value) {
  impl_->object[key] = value;
  return *this;
}
JsonLine& JsonLine::set(const char* key, std::span<const float> values) {
  ordered_json& array = impl_->object[key] = ordered_json::array();
  for (const float value : values) array.push_back(shortest(value));
  return *this;
}
JsonLine& JsonLine::set(const char* key, std::span<const std::int32_t> values) {
  impl_->object[key] = std::vector<std::int32_t>(values.begin(), values.end());
  return *this;
}
JsonLine& JsonLine::set(const char* key, std::span<const std::string> values) {
  impl_->object[key] = std::vector<std::string>(values.begin(), values.end());
  return *this;
}

JsonLine& JsonLine::set_json(const char* key, std::string_view json) {
  impl_->object[key] = ordered_json::parse(json);
  return *this;
}

std::string JsonLine::text() const {
  return impl_->object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace narabi::cli
