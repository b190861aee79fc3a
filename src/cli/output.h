// Where results go: stdout, or a file that appears whole.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/atomic_file.h"
#include "cli/interrupt.h"

namespace narabi::cli {

// A file that appears whole, and is removed when Ctrl-C comes in between.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path) : file_(path), remove_(file_.temporary()) {}
  base::AtomicFile* operator->() { return &file_; }

 private:
  base::AtomicFile file_;
  RemoveOnInterrupt remove_;
};

// Lines. "-" is stdout, where flush() hands over what there is and only whole lines are ever seen;
// a file is committed by close() and not there before. Errors of writing throw IoError; a closed
// pipe OutputClosed.
class Output {
 public:
  explicit Output(const std::string& path);
  ~Output();  // of a command that failed: stdout gets the lines before the failure
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void line(std::string_view text);   // and a newline
  void lines(std::string_view text);  // which end in newlines already
  void flush();
  void close();

 private:
  std::optional<OutputFile> file_;
  std::string buffer_;
};

// Throws InvalidArgument where the file at `output` is one of `inputs` ("-": stdin), which it would
// replace. For the beginning of a command.
void require_other_files(const std::string& output, const std::vector<std::string>& inputs);

// Shortened to `columns` of a terminal (East Asian characters take two), newlines as spaces.
std::string fit(std::string_view text, int columns);
int terminal_columns();  // of stdout; 100 when it is none

}  // namespace narabi::cli
