#include "cli/output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/utf8.h"
#include "cli/interrupt.h"
#include "narabi/error.h"

namespace narabi::cli {
namespace {

constexpr std::size_t kBufferBytes = 1 << 16;

void write_stdout(std::string_view bytes) {
  const WholeLines whole;
  while (!bytes.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EPIPE) {
      throw OutputClosed{};
    } else if (errno != EINTR) {
      throw IoError(std::string("stdout: cannot write: ") + std::strerror(errno));
    }
  }
}

int columns_of(char32_t c) {
  return c >= 0x1100 ? 2 : 1;
}

}  // namespace

Output::Output(const std::string& path) {
  if (path != "-") file_.emplace(path);
}

Output::~Output() {
  try {
    if (!file_) flush();
  } catch (...) {  // the command fails for another reason already
  }
}

void Output::line(std::string_view text) {
  buffer_.append(text);
  lines("\n");
}

void Output::lines(std::string_view text) {
  buffer_.append(text);
  if (buffer_.size() >= kBufferBytes) flush();
}

void Output::flush() {
  const std::string lines = std::exchange(buffer_, {});
  if (file_) {
    (*file_)->write(lines);
  } else {
    write_stdout(lines);
  }
}

void Output::close() {
  flush();
  if (file_) (*file_)->commit();
}

void require_other_files(const std::string& output, const std::vector<std::string>& inputs) {
  namespace fs = std::filesystem;
  std::error_code none;  // what is not there is no other's
  if (output == "-" || !fs::is_regular_file(output, none)) return;
  for (const std::string& input : inputs) {
    if (fs::equivalent(output, input == "-" ? "/dev/stdin" : input, none))
      throw InvalidArgument("--output " + output + ": expected another file than the input's, " +
                            "which would be lost");
  }
}

std::string fit(std::string_view text, int columns) {
  std::string out;
  int used = 0;
  for (std::size_t offset = 0; offset < text.size();) {
    const std::size_t begin = offset;
    const char32_t c = base::next_code_point(text, offset);
    if (used + columns_of(c) > columns - 1 && offset < text.size()) return out + "…";
    used += columns_of(c);
    out += c < 0x20 || c == 0x7F ? std::string_view(" ") : text.substr(begin, offset - begin);
  }
  return out;
}

int terminal_columns() {
  winsize size{};
  return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0
             ? size.ws_col
             : 100;
}

}  // namespace narabi::cli
