// How many passages still fit into a time budget, from what those before them took.
#pragma once

#include <cstddef>

namespace narabi::rerank {

class BudgetPlanner {
 public:
  explicit BudgetPlanner(double budget_ms) : budget_ms_(budget_ms) {}

  // The size of the next batch, at most `left`; 0: no further one fits. Starts small, since nothing
  // is known of the model then, and grows fourfold.
  std::size_t next(double elapsed_ms, std::size_t left) const;
  void done(std::size_t count, double ms);

 private:
  double budget_ms_;
  double spent_ms_ = 0;  // on passages
  std::size_t count_ = 0;
};

}  // namespace narabi::rerank
