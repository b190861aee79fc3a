#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace narabi::cli {
namespace {

using std::chrono::duration;
using std::chrono::steady_clock;

constexpr double kInterval = 0.25;  // seconds between two updates

}  // namespace

Progress::Progress(std::string what, std::size_t total, bool forced)
    : what_(std::move(what)),
      total_(total),
      enabled_(forced || isatty(STDERR_FILENO) != 0),
      start_(steady_clock::now()),
      last_(start_) {}

Progress::~Progress() {
  if (shown_) show(true);
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
  if (total_ > done_ && rate > 0) text += fmt::format("  ETA {:.0f} s", static_cast<double>(total_ - done_) / rate);
  fmt::print(stderr, "{:<70}{}", text, last ? "\n" : "");
  std::fflush(stderr);
  shown_ = true;
}

}  // namespace narabi::cli
