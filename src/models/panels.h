// A sequence's rows cut into panels that go depth-first through the GEMMs of a layer, so that
// activations stay in the core's cache. The cut depends on the sequence's own length only: that
// makes scores independent of the batch.
#pragma once

#include <algorithm>
#include <cstddef>

#include "kernels/linear.h"

namespace narabi::models {

// Chosen by `make bench`: higher panels stream the weights less often, lower ones keep more in L2.
inline constexpr std::size_t kPanelRows = 256;

// Calls body(first row, rows); rows of the last panel are rounded up by kernels::panel_rows().
template <typename Body>
void for_each_panel(std::size_t tokens, Body body) {
  for (std::size_t begin = 0; begin < tokens; begin += kPanelRows) {
    body(begin, kernels::panel_rows(std::min(kPanelRows, tokens - begin)));
  }
}

// Rows that the buffers of a sequence need.
inline std::size_t padded_rows(std::size_t tokens) {
  const std::size_t whole = tokens / kPanelRows * kPanelRows;
  return whole + (tokens > whole ? kernels::panel_rows(tokens - whole) : 0);
}

}  // namespace narabi::models
