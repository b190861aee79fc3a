#include "http/fields.h"

#include <cmath>

#include "http/http_error.h"

namespace narabi::http {

void wrong_field(const std::string& field, const std::string& expected, const Value* found) {
  const std::string what = found == nullptr ? "nothing" : type_name(found->type);
  throw HttpError(422, "validation", field + ": expected " + expected + ", found " + what, field);
}

Fields::Fields(const Value& object) : object_(object) {
  if (object.type != Value::Type::kObject)
    throw HttpError(422, "validation",
                    std::string("the body: expected an object, found ") + type_name(object.type));
}

const Value* Fields::find(const char* key) const {
  const Value* value = object_.find(key);
  return value == nullptr || value->type == Value::Type::kNull ? nullptr : value;
}

const Value& Fields::required(const char* key, const char* expected) const {
  const Value* value = find(key);
  if (value == nullptr) wrong_field(key, expected, object_.find(key));
  return *value;
}

std::string Fields::text(const char* key) const {
  const Value& value = required(key, "a string");
  if (value.type != Value::Type::kString) wrong_field(key, "a string", &value);
  return value.text;
}

std::optional<std::string> Fields::optional_text(const char* key) const {
  if (find(key) == nullptr) return std::nullopt;
  return text(key);
}

bool Fields::flag(const char* key, bool fallback) const {
  const Value* value = find(key);
  if (value == nullptr) return fallback;
  if (value->type != Value::Type::kBoolean) wrong_field(key, "true or false", value);
  return value->boolean;
}

std::optional<double> Fields::number(const char* key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != Value::Type::kNumber) wrong_field(key, "a number", value);
  return value->number;
}

std::optional<std::size_t> Fields::count(const char* key) const {
  constexpr double kMost = 1e9;
  const auto value = number(key);
  if (!value) return std::nullopt;
  if (*value < 0 || *value != std::floor(*value) || *value > kMost)
    throw HttpError(422, "validation",
                    std::string(key) + ": expected a whole number from 0 to 1000000000", key);
  return static_cast<std::size_t>(*value);
}

void check_count(std::size_t found, std::size_t most, const std::string& field) {
  if (found <= most) return;
  throw HttpError(413, "validation",
                  field + ": expected at most " + std::to_string(most) + " elements, found " +
                      std::to_string(found),
                  field);
}

std::vector<std::string> text_list(const Value& value, const std::string& field, std::size_t most) {
  if (value.type != Value::Type::kArray) wrong_field(field, "an array of strings", &value);
  check_count(value.array.size(), most, field);
  std::vector<std::string> out;
  out.reserve(value.array.size());
  for (std::size_t i = 0; i < value.array.size(); ++i) {
    const Value& element = value.array[i];
    if (element.type != Value::Type::kString)
      wrong_field(field + "[" + std::to_string(i) + "]", "a string", &element);
    out.push_back(element.text);
  }
  return out;
}

}  // namespace narabi::http
