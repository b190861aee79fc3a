// Numbers that a running service keeps about itself. Written by many threads, read by /metrics.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace narabi::service {

using Counter = std::atomic<std::uint64_t>;

// Seconds, in fixed buckets; bucket i counts values <= kBounds[i].
class Histogram {
 public:
  static constexpr std::array<double, 16> kBounds = {.0005, .001, .0025, .005, .01, .025, .05, .1,
                                                     .25,   .5,   1,     2.5,  5,   10,   30,  60};

  void observe(double seconds);
  struct Reading {
    std::array<std::uint64_t, kBounds.size()> cumulative{};
    std::uint64_t count = 0;
    double sum = 0;
  };
  Reading read() const;

 private:
  std::array<Counter, kBounds.size() + 1> buckets_{};
  std::atomic<double> sum_{0};
};

// A counter for each value of one label, e.g. the reasons of failures.
class LabelledCounter {
 public:
  void add(const std::string& label);
  std::map<std::string, std::uint64_t> read() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> counts_;
};

struct Stats {
  Counter requests{0}, succeeded{0};
  LabelledCounter failed;                          // by error_type
  Histogram request, queue, inference, retrieval;  // seconds
  Counter batches{0}, items{0}, tokens{0}, truncated{0};
  std::atomic<std::int64_t> queued_jobs{0}, queued_tokens{0}, open_requests{0};
  std::atomic<std::uint64_t> last_batch_items{0}, last_batch_tokens{0};
  Counter cache_hits{0}, cache_misses{0};
  Counter swaps{0}, shadowed{0};
  Counter rejected{0}, expired{0}, cancelled{0};
};

}  // namespace narabi::service
