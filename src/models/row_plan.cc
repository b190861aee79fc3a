#include "models/row_plan.h"

#include <algorithm>
#include <cstring>

namespace narabi::models {

std::vector<BatchRows> plan_rows(std::span<const Sequence> batch, Wanted wanted,
                                 std::span<const std::size_t> windows) {
  std::vector<BatchRows> plan(windows.size() + 1, BatchRows(batch.size()));
  for (std::size_t s = 0; s < batch.size(); ++s) {
    const std::size_t tokens = batch[s].input_ids.size();
    std::size_t needed = wanted == Wanted::kAll ? tokens : 1;
    plan.back()[s].rows = needed;
    for (std::size_t layer = windows.size(); layer-- > 0;) {
      needed = windows[layer] == 0 ? tokens : std::min(tokens, needed + windows[layer]);
      plan[layer][s].rows = needed;
    }
  }
  for (BatchRows& rows : plan) {
    for (std::size_t s = 1; s < rows.size(); ++s)
      rows[s].begin = rows[s - 1].begin + rows[s - 1].rows;
  }
  return plan;
}

void keep_rows(const BatchRows& from, const BatchRows& to, std::size_t bytes,
               const std::byte* source, std::byte* target) {
  for (std::size_t s = 0; s < from.size(); ++s) {
    if (source == target && from[s].begin == to[s].begin) continue;
    std::memmove(target + to[s].begin * bytes, source + from[s].begin * bytes, to[s].rows * bytes);
  }
}

void number_rows(const BatchRows& rows, std::size_t first, std::size_t count,
                 std::int32_t* positions) {
  for (const RowRange& range : rows) {
    const std::size_t begin = std::max(first, range.begin);
    const std::size_t end = std::min(first + count, range.begin + range.rows);
    for (std::size_t row = begin; row < end; ++row)
      positions[row - first] = static_cast<std::int32_t>(row - range.begin);
  }
}

}  // namespace narabi::models
