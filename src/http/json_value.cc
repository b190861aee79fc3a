#include "http/json_value.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "http/http_error.h"
#include "http/json_writer.h"

namespace narabi::http {
namespace {

using nlohmann::json;

[[noreturn]] void refuse(const std::string& message, const std::string& field = {}) {
  throw HttpError(400, "invalid_json", "the body is not acceptable JSON: " + message, field);
}

// Builds a Value from nlohmann's events, checking what its own DOM lets pass.
class Builder : public nlohmann::json_sax<json> {
 public:
  explicit Builder(const JsonLimits& limits) : limits_(limits) { stack_.reserve(limits.depth); }
  Value take() { return std::move(root_); }

  bool null() override {
    place();
    return true;
  }
  bool boolean(bool value) override {
    Value& out = place();
    out.type = Value::Type::kBoolean;
    out.boolean = value;
    return true;
  }
  bool number_integer(number_integer_t value) override {
    return number(static_cast<double>(value), std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return number(static_cast<double>(value), std::to_string(value));
  }
  bool number_float(number_float_t value, const string_t& text) override {
    if (!std::isfinite(value)) refuse("the number " + text.substr(0, 40) + " is too large", path());
    return number(value, text);
  }
  bool string(string_t& value) override {
    Value& out = place();
    out.type = Value::Type::kString;
    out.text = std::move(value);
    return true;
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Value::Type::kObject); }
  bool start_array(std::size_t) override { return open(Value::Type::kArray); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    auto& object = stack_.back()->object;
    const bool twice = stack_.back()->find(name) != nullptr;
    object.push_back({std::move(name), Value{}});
    if (object.size() > kMostKeys) refuse("an object has too many keys", path());
    if (twice) refuse("the key \"" + object.back().key + "\" stands there twice", path());
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    if (error.id == 406) refuse("a number is too large, at byte " + std::to_string(position));
    refuse("at byte " + std::to_string(position) + ": " + explanation(error.what()));
  }

 private:
  static constexpr std::size_t kMostKeys = 256;  // find() looks at all of them

  // "[json.exception...] parse error at line 1, column 4: what is wrong" without what stands
  // before.
  static std::string explanation(const std::string& what) {
    const std::size_t colon = what.find(": ");
    const std::string text = colon == std::string::npos ? what : what.substr(colon + 2);
    return base::replace_invalid_utf8(text.substr(0, 200));
  }

  std::string path() const {
    std::string out;
    for (const Value* value : stack_) {
      if (value->type == Value::Type::kObject && !value->object.empty()) {
        out += (out.empty() ? "" : ".") + value->object.back().key;
      } else if (value->type == Value::Type::kArray && !value->array.empty()) {
        out += "[" + std::to_string(value->array.size() - 1) + "]";
      }
    }
    return out;
  }

  Value& place() {
    if (++values_ > limits_.values)
      refuse("more than " + std::to_string(limits_.values) + " values");
    if (stack_.empty()) return root_;
    Value& parent = *stack_.back();
    if (parent.type == Value::Type::kObject) return parent.object.back().value;
    return parent.array.emplace_back();
  }
  bool number(double value, std::string text) {
    Value& out = place();
    out.type = Value::Type::kNumber;
    out.number = value;
    out.text = std::move(text);
    return true;
  }
  bool open(Value::Type type) {
    if (stack_.size() == limits_.depth)
      refuse("nested deeper than " + std::to_string(limits_.depth), path());
    Value& out = place();
    out.type = type;
    stack_.push_back(&out);
    return true;
  }
  bool close() {
    stack_.pop_back();
    return true;
  }

  const JsonLimits limits_;
  Value root_;
  std::vector<Value*> stack_;  // a parent's array only grows while its last element is not open
  std::size_t values_ = 0;
};

void write(JsonWriter& out, const Value& value) {
  switch (value.type) {
    case Value::Type::kNull:
      out.null();
      break;
    case Value::Type::kBoolean:
      out.flag(value.boolean);
      break;
    case Value::Type::kNumber:
      out.raw(value.text);
      break;
    case Value::Type::kString:
      out.text(value.text);
      break;
    case Value::Type::kArray:
      out.begin_array();
      for (const Value& element : value.array) write(out, element);
      out.end_array();
      break;
    case Value::Type::kObject:
      out.begin_object();
      for (const auto& [key, element] : value.object) {
        out.key(key);
        write(out, element);
      }
      out.end_object();
      break;
  }
}

}  // namespace

const Value* Value::find(std::string_view key) const {
  for (const auto& [name, value] : object)
    if (name == key) return &value;
  return nullptr;
}

const char* type_name(Value::Type type) {
  switch (type) {
    case Value::Type::kNull:
      return "null";
    case Value::Type::kBoolean:
      return "a boolean";
    case Value::Type::kNumber:
      return "a number";
    case Value::Type::kString:
      return "a string";
    case Value::Type::kArray:
      return "an array";
    case Value::Type::kObject:
      return "an object";
  }
  return "nothing";
}

Value parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.empty()) refuse("it is empty");
  if (const auto offset = base::invalid_utf8_at(text))
    refuse("invalid UTF-8 at byte " + std::to_string(*offset));
  Builder builder(limits);
  json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

std::string to_json(const Value& value) {
  JsonWriter out;
  write(out, value);
  return out.take();
}

}  // namespace narabi::http
