// A JSON file of a model folder, read by key, with errors that name file, key, expected and found.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace narabi::checkpoint {

using ConfigValue = std::variant<std::int64_t, std::vector<std::string>>;

// Keys may be dotted: "rope_parameters.full_attention.rope_theta". A null value counts as absent.
// Getters without a fallback throw InvalidFormat when the key is absent; all throw on a wrong type.
class ConfigFile {
 public:
  explicit ConfigFile(const std::string& path);      // throws IoError, InvalidFormat
  static ConfigFile empty(const std::string& path);  // a file that may be missing

  const std::string& path() const;
  bool has(std::string_view key) const;

  std::int64_t integer(std::string_view key) const;
  std::int64_t integer(std::string_view key, std::int64_t fallback) const;
  double number(std::string_view key) const;
  double number(std::string_view key, double fallback) const;
  bool flag(std::string_view key) const;
  bool flag(std::string_view key, bool fallback) const;
  std::string text(std::string_view key) const;
  std::string text(std::string_view key, std::string_view fallback) const;
  std::vector<std::string> texts(std::string_view key) const;      // array of strings
  std::vector<std::string> keys(std::string_view key = {}) const;  // of an object ({} = the root)

  // The root is an array (modules.json): its elements as config files of the same path.
  std::vector<ConfigFile> elements() const;

  // The whole file as JSON text, with other values at some keys of the root.
  std::string text_with(const std::map<std::string, ConfigValue>& values) const;

  // Throws Unsupported "FILE: KEY is VALUE; supported: ..." .
  [[noreturn]] void unsupported(std::string_view key, std::string_view supported) const;
  // Throws unsupported() unless the text at `key` (or `fallback` when absent) is one of
  // `supported`.
  std::string one_of(std::string_view key, std::initializer_list<std::string_view> supported,
                     std::optional<std::string_view> fallback = std::nullopt) const;

 private:
  struct Impl;
  explicit ConfigFile(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace narabi::checkpoint
