// JSON lines, one object a line, with errors that name file, line, key, expected and found.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/line_reader.h"

namespace narabi::data {

// Streams; blank lines are skipped. Throws InvalidFormat for a line that is no JSON object.
class JsonLines {
 public:
  explicit JsonLines(const std::string& path,
                     base::InvalidUtf8 invalid = base::InvalidUtf8::kReject);
  explicit JsonLines(base::LineReader lines);
  ~JsonLines();
  JsonLines(JsonLines&&) noexcept;

  bool next();  // false at the end
  bool has(std::string_view key) const;
  std::string text(std::string_view key) const;                // throws unless a string is there
  std::vector<std::string> texts(std::string_view key) const;  // throws unless a list of strings
  // "id" as a string or an integer, BEIR's "_id" or MIRACL's "docid"; nothing when none is there.
  std::optional<std::string> id() const;
  // The object without `keys`, as JSON; empty when nothing is left.
  std::string without(std::initializer_list<std::string_view> keys) const;
  std::string where() const;   // "FILE:LINE"
  std::int64_t count() const;  // objects so far

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narabi::data
