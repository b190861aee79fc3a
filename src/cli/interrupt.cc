#include "cli/interrupt.h"

#include <atomic>
#include <csignal>

namespace narabi::cli {
namespace {

std::atomic<bool> interrupted{false};

void on_interrupt(int) {
  interrupted = true;
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace

void watch_for_interrupt() { std::signal(SIGINT, on_interrupt); }

void check_interrupt() {
  if (interrupted) throw Interrupted{};
}

}  // namespace narabi::cli
