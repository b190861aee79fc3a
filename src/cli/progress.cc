#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "base/line_reader.h"

namespace narabi::cli {
namespace {

using std::chrono::duration;
using std::chrono::steady_clock;

constexpr double kInterval = 0.25;  // seconds between two updates

bool is_shown(bool forced) {
  return forced || isatty(STDERR_FILENO) != 0;
}

}  // namespace

std::size_t expected_lines(const std::string& path, bool forced) {
  std::error_code none;
  if (!is_shown(forced) || !std::filesystem::is_regular_file(path, none)) return 0;
  base::LineReader lines(path, base::InvalidUtf8::kReplace);
  std::size_t count = 0;
  for (std::string line; lines.next(line);) count += line.empty() ? 0 : 1;
  return count;
}

Progress::Progress(std::string what, std::size_t total, bool forced)
    : what_(std::move(what)),
      total_(total),
      enabled_(is_shown(forced)),
      start_(steady_clock::now()),
      last_(start_) {}

Progress::~Progress() {
  if (shown_) show(true);
}

void Progress::start() {
  if (enabled_) show(false);
}

void Progress::add(std::size_t count) {
  done_ += count;
  if (!enabled_ || duration<double>(steady_clock::now() - last_).count() < kInterval) return;
  last_ = steady_clock::now();
  show(false);
}

void Progress::show(bool last) {
  const double seconds = duration<double>(steady_clock::now() - start_).count();
  const double rate = static_cast<double>(done_) / seconds;
  std::string text = fmt::format("\r{}: {}", what_, done_);
  if (total_ > 0) text += fmt::format("/{}", total_);
  text += fmt::format("  {:.0f}/s", rate);
  if (total_ > done_ && rate > 0)
    text += fmt::format("  ETA {:.0f} s", static_cast<double>(total_ - done_) / rate);
  fmt::print(stderr, "{:<70}{}", text, last ? "\n" : "");
  std::fflush(stderr);
  shown_ = true;
}

}  // namespace narabi::cli
