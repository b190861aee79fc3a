// Typed reading of a JSON object; every complaint (HttpError 422) names the field, what was
// expected and what was found. null counts as absent. Fields that nobody asks for are let pass.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "http/json_value.h"

namespace narabi::http {

[[noreturn]] void wrong_field(const std::string& field, const std::string& expected,
                              const Value* found);

class Fields {
 public:
  explicit Fields(const Value& object);  // HttpError 422 where it is none

  const Value* find(const char* key) const;
  const Value& required(const char* key, const char* expected) const;
  std::string text(const char* key) const;
  std::optional<std::string> optional_text(const char* key) const;
  bool flag(const char* key, bool fallback) const;
  std::optional<std::size_t> count(const char* key) const;  // a whole number >= 0
  std::optional<double> number(const char* key) const;

 private:
  const Value& object_;
};

// An array of strings at `field`; at most `most` of them (HttpError 413).
std::vector<std::string> text_list(const Value& value, const std::string& field, std::size_t most);
void check_count(std::size_t found, std::size_t most, const std::string& field);

}  // namespace narabi::http
