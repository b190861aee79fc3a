#include "service/shadow.h"

#include <algorithm>
#include <cmath>

namespace narabi::service {
namespace {

constexpr std::size_t kMostCompared = 500;  // tau takes quadratic time

int sign(float x) {
  return x > 0 ? 1 : x < 0 ? -1 : 0;
}

std::ptrdiff_t first_of(std::span<const float> scores) {
  return std::max_element(scores.begin(), scores.end()) - scores.begin();
}

}  // namespace

double kendall_tau(std::span<const float> a, std::span<const float> b) {
  double agreement = 0, untied_a = 0, untied_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const int x = sign(a[i] - a[j]), y = sign(b[i] - b[j]);
      agreement += x * y;
      untied_a += x != 0;
      untied_b += y != 0;
    }
  }
  const double scale = std::sqrt(untied_a * untied_b);
  return scale > 0 ? agreement / scale : 0;
}

void Shadow::configure(const std::string& primary, const std::string& shadow, double share) {
  const std::lock_guard lock(mutex_);
  report_ = {.primary = primary, .shadow = shadow, .share = share};
  owed_ = 0;
}

void Shadow::stop() {
  configure({}, {}, 0);
}

ShadowReport Shadow::report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

std::string Shadow::pick(const std::string& primary) {
  const std::lock_guard lock(mutex_);
  if (report_.shadow.empty() || report_.primary != primary) return {};
  owed_ += report_.share;
  if (owed_ < 1) return {};
  owed_ -= 1;
  return report_.shadow;
}

void Shadow::compare(std::span<const float> primary, std::span<const float> shadow) {
  const std::size_t size = std::min({primary.size(), shadow.size(), kMostCompared});
  if (size < 2) return;
  const double tau = kendall_tau(primary.first(size), shadow.first(size));
  const double same = first_of(primary) == first_of(shadow) ? 1 : 0;
  const std::lock_guard lock(mutex_);
  const auto n = static_cast<double>(++report_.requests);
  report_.kendall_tau += (tau - report_.kendall_tau) / n;
  report_.same_first += (same - report_.same_first) / n;
}

void Shadow::failed() {
  const std::lock_guard lock(mutex_);
  ++report_.failed;
}

}  // namespace narabi::service
