// JSON from strangers: strict, bounded, and every complaint names its place.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace narabi::http {

struct Member;

struct Value {
  enum class Type { kNull, kBoolean, kNumber, kString, kArray, kObject };

  Type type = Type::kNull;
  bool boolean = false;
  double number = 0;
  std::string text;  // of a string; of a number, as it came: a double may not hold its digits
  std::vector<Value> array;
  std::vector<Member> object;  // in the order of the text

  const Value* find(std::string_view key) const;  // null where this is no object or has no such key
};

struct Member {
  std::string key;
  Value value;
};

const char* type_name(Value::Type type);  // "a string"

struct JsonLimits {
  std::size_t depth = 16;
  std::size_t values = 200000;  // numbers, strings, ... of a document
};

// Throws HttpError 400 (error_type "invalid_json"; where and what) for text that is no JSON, is not
// UTF-8, nests deeper than the limit, has a number that no double holds, or a key twice.
Value parse_json(std::string_view text, const JsonLimits& limits = {});
std::string to_json(const Value& value);

}  // namespace narabi::http
