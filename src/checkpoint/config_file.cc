#include "checkpoint/config_file.h"

#include <nlohmann/json.hpp>

#include "base/json_depth.h"
#include "base/mapped_file.h"
#include "base/paths.h"
#include "base/utf8.h"
#include "narabi/error.h"

namespace narabi::checkpoint {

using nlohmann::json;

struct ConfigFile::Impl {
  Impl(std::string given, json value) : path(std::move(given)), root(std::move(value)) {}

  std::string path;
  json root;

  // The value at a dotted key, or nullptr when it or anything above it is absent or null.
  const json* find(std::string_view key) const {
    const json* node = &root;
    while (!key.empty()) {
      if (!node->is_object()) return nullptr;
      // Keys themselves may hold dots (sentence_transformers.activation_fn is written both ways),
      // so the whole rest is tried before its first part.
      auto found = node->find(std::string(key));
      if (found != node->end()) return found->is_null() ? nullptr : &*found;
      const std::size_t dot = key.find('.');
      if (dot == std::string_view::npos) return nullptr;
      found = node->find(std::string(key.substr(0, dot)));
      if (found == node->end()) return nullptr;
      node = &*found;
      key.remove_prefix(dot + 1);
    }
    return node;
  }

  const json& at(std::string_view key, const char* expected) const {
    const json* value = find(key);
    if (value == nullptr) fail(key, expected, "nothing");
    return *value;
  }

  [[noreturn]] void fail(std::string_view key, const std::string& expected,
                         const std::string& found) const {
    throw InvalidFormat(path + ": " + std::string(key) + ": expected " + expected + ", found " +
                        found);
  }
};

namespace {

constexpr std::size_t kMaxDepth = 64;

std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() > 80 ? std::string(base::utf8_prefix(text, 77)) + "..." : text;
}

}  // namespace

ConfigFile::ConfigFile(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

ConfigFile::ConfigFile(const std::string& path) {
  const base::MappedFile file(path);
  base::check_json_depth(file.text(), kMaxDepth, path);
  json root;
  try {
    root = json::parse(file.text());
  } catch (const json::exception& error) {
    throw InvalidFormat(path + ": expected JSON: " + error.what());
  }
  if (!root.is_object() && !root.is_array()) {
    throw InvalidFormat(path + ": expected a JSON object, found " + shown(root));
  }
  impl_ = std::make_shared<const Impl>(path, std::move(root));
}

ConfigFile ConfigFile::empty(const std::string& path) {
  if (base::exists(path)) return ConfigFile(path);
  return ConfigFile(std::make_shared<const Impl>(path, json::object()));
}

const std::string& ConfigFile::path() const {
  return impl_->path;
}

bool ConfigFile::has(std::string_view key) const {
  return impl_->find(key) != nullptr;
}

std::int64_t ConfigFile::integer(std::string_view key) const {
  const json& value = impl_->at(key, "an integer");
  if (!value.is_number_integer()) impl_->fail(key, "an integer", shown(value));
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX}) {
    impl_->fail(key, "an integer below 2^63", shown(value));
  }
  return value.get<std::int64_t>();
}

std::int64_t ConfigFile::integer(std::string_view key, std::int64_t fallback) const {
  return has(key) ? integer(key) : fallback;
}

double ConfigFile::number(std::string_view key) const {
  const json& value = impl_->at(key, "a number");
  if (!value.is_number()) impl_->fail(key, "a number", shown(value));
  return value.get<double>();
}

double ConfigFile::number(std::string_view key, double fallback) const {
  return has(key) ? number(key) : fallback;
}

bool ConfigFile::flag(std::string_view key) const {
  const json& value = impl_->at(key, "true or false");
  if (!value.is_boolean()) impl_->fail(key, "true or false", shown(value));
  return value.get<bool>();
}

bool ConfigFile::flag(std::string_view key, bool fallback) const {
  return has(key) ? flag(key) : fallback;
}

std::string ConfigFile::text(std::string_view key) const {
  const json& value = impl_->at(key, "a string");
  if (!value.is_string()) impl_->fail(key, "a string", shown(value));
  return value.get<std::string>();
}

std::string ConfigFile::text(std::string_view key, std::string_view fallback) const {
  return has(key) ? text(key) : std::string(fallback);
}

std::vector<std::string> ConfigFile::texts(std::string_view key) const {
  const json& value = impl_->at(key, "an array of strings");
  if (!value.is_array()) impl_->fail(key, "an array of strings", shown(value));
  std::vector<std::string> out;
  for (const json& element : value) {
    if (!element.is_string()) impl_->fail(key, "an array of strings", shown(value));
    out.push_back(element.get<std::string>());
  }
  return out;
}

std::vector<std::string> ConfigFile::keys(std::string_view key) const {
  const json* value = impl_->find(key);
  std::vector<std::string> out;
  if (value == nullptr) return out;
  if (!value->is_object()) impl_->fail(key, "an object", shown(*value));
  for (const auto& item : value->items()) out.push_back(item.key());
  return out;
}

std::vector<ConfigFile> ConfigFile::elements() const {
  if (!impl_->root.is_array()) impl_->fail("the file", "an array", shown(impl_->root));
  std::vector<ConfigFile> out;
  for (const json& element : impl_->root) {
    if (!element.is_object()) impl_->fail("an element", "an object", shown(element));
    out.push_back(ConfigFile(std::make_shared<const Impl>(impl_->path, element)));
  }
  return out;
}

std::string ConfigFile::text_with(const std::map<std::string, ConfigValue>& values) const {
  json root = impl_->root;
  for (const auto& [key, value] : values)
    std::visit([&](const auto& given) { root[key] = given; }, value);
  return root.dump(2) + "\n";
}

void ConfigFile::unsupported(std::string_view key, std::string_view supported) const {
  const json* value = impl_->find(key);
  throw Unsupported(impl_->path + ": " + std::string(key) + " is " +
                    (value != nullptr ? shown(*value) : "absent") +
                    "; supported: " + std::string(supported));
}

std::string ConfigFile::one_of(std::string_view key,
                               std::initializer_list<std::string_view> supported,
                               std::optional<std::string_view> fallback) const {
  std::string value = fallback ? text(key, *fallback) : text(key);
  std::string list;
  for (const std::string_view word : supported) {
    if (value == word) return value;
    list += (list.empty() ? "" : ", ") + std::string(word);
  }
  unsupported(key, list);
}

}  // namespace narabi::checkpoint
