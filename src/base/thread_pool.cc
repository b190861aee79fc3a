#include "base/thread_pool.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace narabi::base {
namespace {

// The pool and worker that this thread runs for, so that a nested loop stays on its worker.
thread_local const void* current_pool = nullptr;
thread_local int current_worker = 0;

// Waking a sleeping thread takes longer than a pass of a layer over a short text, so both sides
// look out for about 30 microseconds first.
template <typename Condition>
void look_out(Condition condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
}

}  // namespace

struct ThreadPool::Impl {
  using Body = std::function<void(std::size_t, int)>;

  // One loop in flight. Lives on the stack of parallel_for, which outlasts every worker's use of
  // it.
  struct Loop {
    const Body* body;
    std::size_t count;
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::exception_ptr error;
  };

  std::mutex turn;  // held for the whole of one parallel_for
  std::mutex mutex;
  std::condition_variable work, done;
  Loop* loop = nullptr;
  std::atomic<unsigned> generation{0};
  std::atomic<std::size_t> running{0};  // workers that have not finished the loop in flight
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;

  static void drain(Loop& loop, int worker) {
    for (;;) {
      const std::size_t index = loop.next.fetch_add(1, std::memory_order_relaxed);
      if (index >= loop.count) return;
      try {
        (*loop.body)(index, worker);
      } catch (...) {
        loop.next.store(loop.count, std::memory_order_relaxed);
        const std::lock_guard lock(loop.mutex);
        if (!loop.error) loop.error = std::current_exception();
      }
    }
  }

  void work_forever(int worker);
};

void ThreadPool::Impl::work_forever(int worker) {
  current_pool = this;
  current_worker = worker;
  unsigned seen = 0;
  const auto called = [&] { return stop || generation != seen; };
  for (;;) {
    look_out(called);
    std::unique_lock lock(mutex);
    work.wait(lock, called);
    if (stop) return;
    seen = generation;
    Loop* mine = loop;
    lock.unlock();
    drain(*mine, worker);
    if (--running > 0) continue;
    lock.lock();  // the caller looks at `running` with it, before it sleeps
    done.notify_one();
  }
}

ThreadPool::ThreadPool(int threads) : impl_(std::make_unique<Impl>()) {
  for (int worker = 1; worker < threads; ++worker) {
    impl_->workers.emplace_back([this, worker] { impl_->work_forever(worker); });
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->work.notify_all();
  for (std::thread& worker : impl_->workers) worker.join();
}

int ThreadPool::threads() const {
  return static_cast<int>(impl_->workers.size()) + 1;
}

void ThreadPool::parallel_for(std::size_t count,
                              const std::function<void(std::size_t, int)>& body) {
  if (current_pool == impl_.get()) {  // nested: this worker runs the loop alone
    for (std::size_t index = 0; index < count; ++index) body(index, current_worker);
    return;
  }
  const std::lock_guard turn(impl_->turn);
  Impl::Loop loop{.body = &body, .count = count, .next = 0, .mutex = {}, .error = {}};
  const bool alone = impl_->workers.empty() || count <= 1;
  if (!alone) {
    const std::lock_guard lock(impl_->mutex);
    impl_->loop = &loop;
    impl_->running = impl_->workers.size();
    ++impl_->generation;
    impl_->work.notify_all();
  }
  const void* outer_pool = current_pool;
  const int outer_worker = current_worker;
  current_pool = impl_.get();
  current_worker = 0;
  Impl::drain(loop, 0);
  current_pool = outer_pool;
  current_worker = outer_worker;
  if (!alone) {
    const auto all_done = [&] { return impl_->running == 0; };
    look_out(all_done);
    std::unique_lock lock(impl_->mutex);
    impl_->done.wait(lock, all_done);
  }
  if (loop.error) std::rethrow_exception(loop.error);
}

}  // namespace narabi::base
