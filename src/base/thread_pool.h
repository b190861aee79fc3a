// One pool of workers that run the indices of a loop, each index exactly once, in any order.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace narabi::base {

class ThreadPool {
 public:
  // threads >= 1; the caller of parallel_for is one of them, so 1 means no thread is started.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;

  // Calls body(index, worker) for index in [0, count), worker in [0, threads()); indices are handed
  // out in increasing order, a worker runs one at a time. Returns when all are done. The first
  // exception of a body is rethrown here and the indices not yet begun are dropped.
  // Calls from several threads take turns; a call from inside a body runs the loop on that worker.
  // Workers look for the next loop for some microseconds before they sleep: loops that follow each
  // other closely start at once.
  void parallel_for(std::size_t count,
                    const std::function<void(std::size_t index, int worker)>& body);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narabi::base
