// Lines of a text file or of standard input; .gz, .xz and .zst are decompressed on the way.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace narabi::base {

enum class InvalidUtf8 {
  kReject,   // next() throws InvalidFormat naming file, line and byte offset in the line
  kReplace,  // U+FFFD for each ill-formed subsequence (--lossy)
};

// Streams: memory is bounded by the longest line. A UTF-8 byte-order mark at the start and a '\r'
// before '\n' are dropped; a last line without '\n' counts.
class LineReader {
 public:
  // "-" is standard input. Throws IoError when the file cannot be opened.
  explicit LineReader(const std::string& path, InvalidUtf8 invalid = InvalidUtf8::kReject);
  ~LineReader();
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) noexcept;

  // False at the end. `line` is replaced. Throws InvalidFormat for a line that is no UTF-8, after
  // which the next call goes on; IoError for what ends the file, corrupt compression too.
  bool next(std::string& line);
  // The line that next() gave last: it comes again. For whoever looks ahead, where the input cannot
  // be read twice.
  void put_back(std::string line);

  std::int64_t line_number() const;  // of the line that next() gave last; the first is 1
  std::string where() const;         // "file.jsonl:12", or "stdin:12"; for error messages

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

bool is_blank(std::string_view line);  // spaces and tabs alone, or nothing

// The whole file, decompressed as above; no UTF-8 check.
std::string read_file(const std::string& path);

}  // namespace narabi::base
