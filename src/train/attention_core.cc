#include "train/attention_core.h"

#include "base/cpu.h"

namespace narabi::train {

// Here and not beside the vector code: what a template makes there must not be what others link.
AttentionScratch::AttentionScratch(std::int64_t longest, std::int64_t size) {
  const auto area = static_cast<std::size_t>(padded(longest) * padded(longest));
  const auto rows_of_head = static_cast<std::size_t>(padded(longest) * size);
  floats_.resize(area + rows_of_head);
  halves_.resize(2 * rows_of_head + area);
  pairs_.resize(area + rows_of_head + area);
  scores = floats_.data();
  sum = scores + area;
  query = halves_.data();
  key = query + rows_of_head;
  rows = key + rows_of_head;
  left = pairs_.data();
  right = left + area;
}

bool has_attention_core() {
  return base::isa() >= base::Isa::kBf16;
}

bool multiplies_in_tiles() {
  return base::isa() == base::Isa::kAmx;
}

}  // namespace narabi::train
