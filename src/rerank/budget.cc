#include "rerank/budget.h"

#include <algorithm>

namespace narabi::rerank {
namespace {

constexpr std::size_t kFirst = 2, kGrowth = 4;
constexpr double kCaution = 0.9;  // passages differ in length

}  // namespace

std::size_t BudgetPlanner::next(double elapsed_ms, std::size_t left) const {
  const double remaining = budget_ms_ - elapsed_ms;
  if (remaining <= 0) return 0;
  if (count_ == 0) return std::min(kFirst, left);
  const double each = std::max(spent_ms_ / static_cast<double>(count_), 1e-6);
  const double fit = std::min(remaining * kCaution / each, static_cast<double>(left));
  return std::min(static_cast<std::size_t>(fit), count_ * kGrowth);
}

void BudgetPlanner::done(std::size_t count, double ms) {
  count_ += count;
  spent_ms_ += ms;
}

}  // namespace narabi::rerank
