// A YAML mapping read key by key, every key checked, with errors that name file and line.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace narabi::train {

class YamlReader {
 public:
  // `overrides`: "key.key=value", the value parsed as YAML.
  static YamlReader open(const std::string& path, const std::vector<std::string>& overrides);
  ~YamlReader();
  YamlReader(YamlReader&&) noexcept;

  bool has(const std::string& key) const;
  // Each leaves `value` alone when the key is absent.
  void read(const std::string& key, std::string& value);
  void read(const std::string& key, double& value, double low, double high);
  void read(const std::string& key, std::int64_t& value, std::int64_t low,
            std::int64_t high = std::numeric_limits<std::int64_t>::max());  // in decimals
  void read(const std::string& key, std::vector<std::string>& value);       // or one string
  // Throws unless the value is one of `words`; returns its position, or -1 when absent.
  int one_of(const std::string& key, const std::vector<std::string>& words);
  YamlReader section(const std::string& key);                // empty when absent
  std::vector<YamlReader> sections(const std::string& key);  // a sequence of mappings

  // Throws for a key that nobody has read, and for one that comes twice.
  void finish() const;
  [[noreturn]] void fail(const std::string& key, const std::string& what) const;

 private:
  struct Impl;
  explicit YamlReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narabi::train
