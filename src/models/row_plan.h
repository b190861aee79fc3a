// Which rows of a batch each layer works on. What is pooled from a prefix of a sequence needs a
// prefix of the layer before: all tokens below global attention, `window` more below a local layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "models/encoder.h"

namespace narabi::models {

// Rows of one sequence within a batch.
struct RowRange {
  std::size_t begin = 0, rows = 0;
};
using BatchRows = std::vector<RowRange>;

inline std::size_t total_rows(const BatchRows& rows) {
  return rows.empty() ? 0 : rows.back().begin + rows.back().rows;
}

// Entry l: the rows that layer l reads; the last entry: those that are returned. windows[l]: of
// layer l, 0 for global attention.
std::vector<BatchRows> plan_rows(std::span<const Sequence> batch, Wanted wanted,
                                 std::span<const std::size_t> windows);

// Moves every sequence's first rows from where `from` has them to where `to` has them, each row
// `bytes` long. In place when to == from's memory: prefixes only ever move to the front.
void keep_rows(const BatchRows& from, const BatchRows& to, std::size_t bytes,
               const std::byte* source, std::byte* target);

// Positions of the rows [first, first + count), each in its own sequence.
void number_rows(const BatchRows& rows, std::size_t first, std::size_t count,
                 std::int32_t* positions);

}  // namespace narabi::models
