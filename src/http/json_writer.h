// Writes JSON in the order of the calls; commas are its business, balance is the caller's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace narabi::http {

class JsonWriter {
 public:
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  JsonWriter& text(std::string_view value);  // well-formed UTF-8
  JsonWriter& number(double value);          // always with a point: some readers tell 1 from 1.0
  JsonWriter& number(float value);           // the shortest decimal of that float
  JsonWriter& integer(std::int64_t value);
  JsonWriter& flag(bool value);
  JsonWriter& null();
  JsonWriter& raw(std::string_view json);  // a value that is JSON already
  std::string take() { return std::move(out_); }

 private:
  void before_value();

  std::string out_;
  bool comma_ = false;  // a value stands before, in this array or object
};

}  // namespace narabi::http
