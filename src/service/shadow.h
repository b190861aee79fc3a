// A second model that scores a share of the traffic, and how far its order agrees with the first's.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <string>

namespace narabi::service {

struct ShadowReport {
  std::string primary, shadow;  // names of slots; empty: no shadow
  double share = 0;             // of the primary's requests
  std::uint64_t requests = 0, failed = 0;
  // Means over the requests: Kendall's tau-b of the two orders, and how often the first passage is
  // the same one.
  double kendall_tau = 0, same_first = 0;
};

// Tau-b of two lists of scores, at least two long; 0 where one list is all ties.
double kendall_tau(std::span<const float> a, std::span<const float> b);

class Shadow {
 public:
  void configure(const std::string& primary, const std::string& shadow, double share);  // resets
  void stop();
  ShadowReport report() const;
  // The shadow's name when this request of `primary` is one of the share, else empty.
  std::string pick(const std::string& primary);
  void compare(std::span<const float> primary, std::span<const float> shadow);
  void failed();

 private:
  mutable std::mutex mutex_;
  ShadowReport report_;
  double owed_ = 0;  // shares summed up: every 1/share-th request, without chance
};

}  // namespace narabi::service
