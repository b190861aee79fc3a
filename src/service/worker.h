// One thread for work that is not the engine's and too long for an I/O thread: cutting long
// documents, retrieval, tokenizing, loading models.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace narabi::service {

class Worker {
 public:
  Worker();
  ~Worker();
  void stop();  // runs what waits, then ends; what is posted later is dropped
  void post(std::function<void()> task);  // a task must not throw

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<std::function<void()>> tasks_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace narabi::service
