// Where results go: stdout, or a file that appears whole.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/atomic_file.h"

namespace narabi::cli {

// "-" is stdout, flushed by flush(); a file is committed by close() and not there before. Errors of writing
// throw IoError; a closed pipe throws OutputClosed.
class Output {
 public:
  explicit Output(const std::string& path);
  void write(std::string_view text);
  void line(std::string_view text);  // and a newline
  void flush();
  void close();

 private:
  std::unique_ptr<base::AtomicFile> file_;
};

// Shortened to `columns` of a terminal (East Asian characters take two), newlines as spaces.
std::string fit(std::string_view text, int columns);
int terminal_columns();  // of stdout; 100 when it is none

}  // namespace narabi::cli
