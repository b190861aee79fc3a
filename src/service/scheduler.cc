#include "service/scheduler.h"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>

namespace narabi::service {
namespace {

constexpr std::size_t kLeastBatch = 1024;  // tokens: less does not feed the cores

std::size_t cost_of(const Job& job, std::size_t item) {
  return job.model->estimate_tokens(job.items[item].query.size() + job.items[item].passage.size());
}

double seconds_of(const Job& job) {
  return static_cast<double>(job.cost) / job.model->tokens_per_second();
}

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

bool mixes(const Job& a, const Job& b) {
  return a.model == b.model && a.prompt == b.prompt;
}

}  // namespace

Scheduler::Scheduler(const SchedulerOptions& options, Stats& stats)
    : options_(options), stats_(stats), thread_([this] { run(); }) {}

Scheduler::~Scheduler() {
  stop();
}

void Scheduler::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  if (!thread_.joinable()) return;
  thread_.join();
  for (std::deque<JobPtr>* lane : {&foreground_, &background_}) {
    for (const JobPtr& job : *lane) {
      job->failure = Failure{FailureKind::kDraining, "the server is shutting down", {}, 5};
      finish(job);
    }
  }
}

std::optional<Failure> Scheduler::refusal(const Job& job) const {
  const double queued_seconds = waiting();
  const int wait = std::max(1, static_cast<int>(std::ceil(queued_seconds)));
  if (queued_tokens_ > 0 && queued_tokens_ + job.cost > options_.max_queue_tokens) {
    return Failure{FailureKind::kOverloaded,
                   "the queue is full: " + std::to_string(queued_tokens_) + " tokens of at most " +
                       std::to_string(options_.max_queue_tokens) + " wait",
                   {},
                   wait};
  }
  if (waits_too_long(queued_seconds)) {
    return Failure{FailureKind::kOverloaded,
                   "what waits in the queue takes longer than --max-queue-seconds",
                   {},
                   wait};
  }
  // Better refused now than given up at the deadline, after others have waited for it.
  const double left = seconds_between(Clock::now(), job.ticket->deadline);
  if (queued_tokens_ > 0 && queued_seconds + seconds_of(job) > left) {
    return Failure{FailureKind::kOverloaded,
                   "what waits in the queue would take longer than the request's deadline",
                   {},
                   wait};
  }
  return std::nullopt;
}

std::optional<Failure> Scheduler::submit(const JobPtr& job, bool admitted) {
  job->submitted = Clock::now();
  job->cost = 0;
  for (std::size_t i = 0; i < job->items.size(); ++i) job->cost += cost_of(*job, i);
  if (job->model->kind() == ModelKind::kReranker) {
    job->scores.resize(job->items.size());
  } else {
    job->vectors.resize(job->items.size() *
                        static_cast<std::size_t>(job->model->embedder().dimension()));
    job->cut.resize(job->items.size());
  }
  if (job->items.empty()) {
    job->done(*job, nullptr);
    return std::nullopt;
  }
  {
    const std::lock_guard lock(mutex_);
    if (stop_) return Failure{FailureKind::kDraining, "the server is shutting down", {}, 5};
    if (!admitted) {
      if (auto failure = refusal(*job)) return failure;
    }
    (job->lane == Lane::kForeground ? foreground_ : background_).push_back(job);
    queued_tokens_ += job->cost;
    stats_.queued_tokens = static_cast<std::int64_t>(queued_tokens_);
    ++stats_.queued_jobs;
  }
  work_.notify_one();
  return std::nullopt;
}

bool Scheduler::full() const {
  const std::lock_guard lock(mutex_);
  return queued_tokens_ >= options_.max_queue_tokens || waits_too_long(waiting());
}

bool Scheduler::waits_too_long(double queued_seconds) const {
  return options_.max_queue_seconds > 0 && queued_seconds > options_.max_queue_seconds;
}

double Scheduler::waiting() const {
  double seconds = 0;
  for (const JobPtr& job : foreground_) seconds += seconds_of(*job);
  return seconds;
}

double Scheduler::waiting_seconds() const {
  const std::lock_guard lock(mutex_);
  return waiting();
}

double Scheduler::busy_seconds() const {
  const std::int64_t started = batch_started_.load();
  return started == 0 ? 0 : static_cast<double>(now_ns() - started) * 1e-9;
}

// The items of a job that were not handed out will not be.
void Scheduler::forget(const Job& job) {
  queued_tokens_ -= std::min(queued_tokens_, job.cost);
  stats_.queued_tokens = static_cast<std::int64_t>(queued_tokens_);
  --stats_.queued_jobs;
}

// Work that nobody waits for is not begun. Holds mutex_ on entry and exit, not while telling: a job
// may have come meanwhile, so true asks for another look.
bool Scheduler::drop_dead() {
  std::vector<JobPtr> dead;
  for (std::deque<JobPtr>* lane : {&foreground_, &background_}) {
    std::erase_if(*lane, [&](const JobPtr& job) {
      const std::optional<Failure> failure = given_up(*job->ticket);
      if (!failure) return false;
      job->failure = failure;
      dead.push_back(job);
      return true;
    });
  }
  for (const JobPtr& job : dead) {
    forget(*job);
    job->cost = 0;
  }
  if (dead.empty()) return false;
  mutex_.unlock();
  for (const JobPtr& job : dead) finish(job);
  mutex_.lock();
  return true;
}

std::size_t Scheduler::take(const JobPtr& job, std::size_t budget, Batch& batch) {
  const std::size_t begin = job->handed_out;
  if (begin == 0) job->queued_seconds = seconds_between(job->submitted, Clock::now());
  std::size_t taken = 0;
  while (job->handed_out < job->items.size()) {
    const std::size_t cost = cost_of(*job, job->handed_out);
    if (taken + cost > budget && (taken > 0 || !batch.empty())) break;
    taken += cost;
    ++job->handed_out;
  }
  if (job->handed_out > begin) batch.push_back({job, begin, job->handed_out});
  const std::size_t known = std::min(taken, job->cost);
  job->cost -= known;
  queued_tokens_ -= std::min(queued_tokens_, known);
  return taken;
}

Scheduler::Batch Scheduler::next_batch() {
  Batch batch;
  std::deque<JobPtr>& lane = foreground_.empty() ? background_ : foreground_;
  if (lane.empty()) return batch;
  const JobPtr first = lane.front();
  const auto in_time =
      static_cast<std::size_t>(first->model->tokens_per_second() * options_.batch_seconds);
  const std::size_t budget = std::min(options_.max_batch_tokens, std::max(kLeastBatch, in_time));
  std::size_t taken = 0;
  std::vector<JobPtr> unfinished;
  for (auto job = lane.begin(); job != lane.end() && taken < budget;) {
    if (!mixes(**job, *first)) {
      ++job;
      continue;
    }
    // Half to the head; the last one may fill what is left.
    const bool alone = lane.size() == 1;
    const std::size_t left = budget - taken;  // of one that is alone now, others took before it
    const std::size_t share = alone ? left : std::min(left, (budget + 1) / 2);
    const std::size_t got = take(*job, share, batch);
    taken += got;
    if ((*job)->handed_out == (*job)->items.size()) {
      --stats_.queued_jobs;
    } else if (got > 0) {
      unfinished.push_back(*job);
    } else {
      break;  // it does not fit any more: first in the next batch
    }
    job = lane.erase(job);
  }
  for (const JobPtr& job : unfinished) {
    if (taken < budget) taken += take(job, budget - taken, batch);
    if (job->handed_out < job->items.size()) {
      lane.push_back(job);
    } else {
      --stats_.queued_jobs;
    }
  }
  stats_.queued_tokens = static_cast<std::int64_t>(queued_tokens_);
  stats_.last_batch_tokens = taken;
  return batch;
}

void Scheduler::run_slices(const Batch& batch) {
  const Model& model = *batch.front().job->model;
  if (model.kind() == ModelKind::kReranker) {
    std::vector<Pair> pairs;
    for (const Slice& slice : batch)
      for (std::size_t i = slice.begin; i < slice.end; ++i)
        pairs.push_back({slice.job->items[i].query, slice.job->items[i].passage});
    const std::vector<Score> scores = model.reranker().score(pairs);
    std::size_t at = 0;
    for (const Slice& slice : batch)
      for (std::size_t i = slice.begin; i < slice.end; ++i) {
        stats_.tokens += static_cast<std::uint64_t>(scores[at].tokens);
        stats_.truncated += scores[at].truncated;
        slice.job->scores[i] = scores[at++];
      }
    return;
  }
  std::vector<std::string_view> texts;
  for (const Slice& slice : batch)
    for (std::size_t i = slice.begin; i < slice.end; ++i)
      texts.push_back(slice.job->items[i].passage);
  std::vector<bool> cut;
  const std::vector<float> vectors = model.embedder().embed(texts, batch.front().job->prompt, &cut);
  const auto width = static_cast<std::size_t>(model.embedder().dimension());
  auto from = vectors.begin();
  std::size_t at = 0;
  for (const Slice& slice : batch) {
    const auto count = static_cast<std::ptrdiff_t>((slice.end - slice.begin) * width);
    std::copy(from, from + count,
              slice.job->vectors.begin() + static_cast<std::ptrdiff_t>(slice.begin * width));
    from += count;
    for (std::size_t i = slice.begin; i < slice.end; ++i) {
      stats_.truncated += cut[at];
      slice.job->cut[i] = cut[at++];
    }
  }
}

void Scheduler::execute(const Batch& batch) {
  std::size_t items = 0, cost = 0;
  for (const Slice& slice : batch) {
    items += slice.end - slice.begin;
    for (std::size_t i = slice.begin; i < slice.end; ++i) cost += cost_of(*slice.job, i);
  }
  const auto start = Clock::now();
  batch_started_ = now_ns();
  try {
    run_slices(batch);
  } catch (const std::exception&) {
    // One text that the model cannot take must not fail its batch-mates: each job alone.
    for (const Slice& slice : batch) {
      try {
        run_slices({slice});
      } catch (const std::exception& error) {
        slice.job->failure = Failure{FailureKind::kModelFailure, error.what(), {}, 1};
      }
    }
  }
  batch_started_ = 0;
  const double seconds = seconds_between(start, Clock::now());
  batch.front().job->model->observe(cost, seconds);
  ++stats_.batches;
  stats_.items += items;
  stats_.last_batch_items = items;
  for (const Slice& slice : batch) {
    slice.job->inference_seconds += seconds;
    slice.job->finished += slice.end - slice.begin;
    if (slice.job->finished == slice.job->items.size()) finish(slice.job);
  }
}

void Scheduler::finish(const JobPtr& job) {
  stats_.queue.observe(job->queued_seconds);
  if (!job->failure) stats_.inference.observe(job->inference_seconds);
  job->done(*job, job->failure ? &*job->failure : nullptr);
  job->done = nullptr;  // it may hold the request, which holds this job
}

void Scheduler::run() {
  // Threads of the engine's pools do the work; this one should not keep the I/O threads waiting
  // when it takes part in it.
  setpriority(PRIO_PROCESS, 0, 5);
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (drop_dead()) continue;
    if (foreground_.empty() && background_.empty()) {
      work_.wait(lock);
      continue;
    }
    const Batch batch = next_batch();
    lock.unlock();
    if (!batch.empty()) execute(batch);
    lock.lock();
  }
}

}  // namespace narabi::service
