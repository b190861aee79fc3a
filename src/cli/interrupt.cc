#include "cli/interrupt.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <mutex>
#include <thread>

namespace narabi::cli {
namespace {

constexpr int kExitCode = 130;
constexpr std::timespec kUntilSomebodyLooks = {2, 0};
// A writer whose reader has stopped reading holds the mutex for ever.
constexpr auto kLongestWrite = std::chrono::seconds(1);

std::atomic<bool> interrupted{false};

// What the watching thread needs; never destroyed, since that thread outlives main()'s static
// objects.
struct Shared {
  std::mutex writing;
  std::string unfinished;  // guarded by `writing`
};

Shared& shared() {
  static auto& instance = *new Shared;
  return instance;
}

bool lock_within(std::mutex& mutex, std::chrono::milliseconds limit) {
  constexpr auto kStep = std::chrono::milliseconds(5);
  for (auto waited = kStep * 0; waited < limit; waited += kStep) {
    if (mutex.try_lock()) return true;
    std::this_thread::sleep_for(kStep);
  }
  return false;
}

void watch(sigset_t signals) {
  int signal = 0;
  sigwait(&signals, &signal);
  interrupted = true;
  sigtimedwait(&signals, nullptr, &kUntilSomebodyLooks);
  if (lock_within(shared().writing, kLongestWrite) && !shared().unfinished.empty()) {
    ::unlink(shared().unfinished.c_str());
  }
  ::_exit(kExitCode);
}

}  // namespace

void watch_for_interrupt() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  std::signal(
      SIGINT,
      SIG_DFL);  // a shell's background job has it ignored, and then nobody could wait for it
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // inherited by every thread that starts later
  shared();
  std::thread(watch, signals).detach();
}

void check_interrupt() {
  if (interrupted) throw Interrupted{};
}

WholeLines::WholeLines() {
  shared().writing.lock();
}
WholeLines::~WholeLines() {
  shared().writing.unlock();
}

RemoveOnInterrupt::RemoveOnInterrupt(const std::string& path) {
  const std::lock_guard lock(shared().writing);
  shared().unfinished = path;
}

RemoveOnInterrupt::~RemoveOnInterrupt() {
  const std::lock_guard lock(shared().writing);
  shared().unfinished.clear();
}

}  // namespace narabi::cli
