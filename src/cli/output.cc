#include "cli/output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/utf8.h"
#include "cli/interrupt.h"
#include "narabi/error.h"

namespace narabi::cli {
namespace {

[[noreturn]] void stdout_failed() {
  if (errno == EPIPE) throw OutputClosed{};
  throw IoError(std::string("stdout: cannot write: ") + std::strerror(errno));
}

int columns_of(char32_t c) { return c >= 0x1100 ? 2 : 1; }

}  // namespace

Output::Output(const std::string& path) {
  if (path != "-") file_ = std::make_unique<base::AtomicFile>(path);
}

void Output::write(std::string_view text) {
  if (file_) {
    file_->write(text);
  } else if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
    stdout_failed();
  }
}

void Output::line(std::string_view text) {
  write(text);
  write("\n");
}

void Output::flush() {
  if (!file_ && std::fflush(stdout) != 0) stdout_failed();
}

void Output::close() {
  if (file_) {
    file_->commit();
  } else {
    flush();
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
  return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 100;
}

}  // namespace narabi::cli
