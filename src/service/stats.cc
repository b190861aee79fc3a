#include "service/stats.h"

#include <algorithm>

namespace narabi::service {

void Histogram::observe(double seconds) {
  const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
  buckets_[static_cast<std::size_t>(bound - kBounds.begin())].fetch_add(1);
  sum_.fetch_add(seconds);
}

Histogram::Reading Histogram::read() const {
  Reading reading;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    reading.count += buckets_[i].load();
    if (i < kBounds.size()) reading.cumulative[i] = reading.count;
  }
  reading.sum = sum_.load();
  return reading;
}

void LabelledCounter::add(const std::string& label) {
  const std::lock_guard lock(mutex_);
  ++counts_[label];
}

std::map<std::string, std::uint64_t> LabelledCounter::read() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace narabi::service
