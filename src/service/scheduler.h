// Batches by a token budget across requests, on one thread, so that models never share the cores.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "service/job.h"
#include "service/stats.h"

namespace narabi::service {

struct SchedulerOptions {
  std::size_t max_batch_tokens = 16384;   // estimated
  std::size_t max_queue_tokens = 500000;  // estimated; past it submit() says kOverloaded
  double max_queue_seconds = 0;           // of work that waits; past it too; 0: no such limit
  double batch_seconds = 0.25;  // a batch aims at less than this, so that nobody waits long
};

// Jobs wait in a ring. A batch takes up to half its budget from the job at the head, which then
// goes to the end: small requests are served in the order they came, a large one in slices between
// them.
class Scheduler {
 public:
  Scheduler(const SchedulerOptions& options, Stats& stats);
  ~Scheduler();
  void stop();  // what still waits fails with kDraining; then no done is called any more

  // Nothing when the job was taken (done will be called), else why not (done will not be called).
  // `admitted`: part of a request that was taken before, never refused.
  std::optional<Failure> submit(const JobPtr& job, bool admitted = false);

  bool full() const;               // the next submit() would say kOverloaded, whatever its size
  double waiting_seconds() const;  // how long what is queued will take, as far as is known
  double busy_seconds() const;     // age of the batch that runs now; 0 when idle

 private:
  struct Slice {
    JobPtr job;
    std::size_t begin = 0, end = 0;
  };
  using Batch = std::vector<Slice>;

  std::optional<Failure> refusal(const Job& job) const;
  double waiting() const;
  bool waits_too_long(double queued_seconds) const;
  void run();
  bool drop_dead();
  Batch next_batch();
  std::size_t take(const JobPtr& job, std::size_t budget, Batch& batch);
  void execute(const Batch& batch);
  void run_slices(const Batch& batch);
  void forget(const Job& job);
  void finish(const JobPtr& job);

  const SchedulerOptions options_;
  Stats& stats_;
  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::deque<JobPtr> foreground_, background_;
  std::size_t queued_tokens_ = 0;
  std::atomic<std::int64_t> batch_started_{0};  // steady clock, nanoseconds; 0: idle
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace narabi::service
