#include "models/recent_rows.h"

#include <algorithm>

namespace narabi::models {

void RecentRows::hold(std::uint64_t model, std::size_t vocabulary, std::size_t width) {
  if (model == model_) return;
  constexpr std::size_t kFewest = 256;  // of a very wide model
  const std::size_t slots =
      std::min(std::max(kFewest, kBytes / (width * sizeof(float))), 2 * vocabulary);
  rows_.assign(slots * width, 0);
  tokens_.assign(slots, -1);
  slots_.assign(vocabulary, 0);
  width_ = width;
  next_ = 0;
  model_ = model;
}

// The rows of this call's missing tokens stand one after another from next_ on, where at most one
// for every token is overwritten: what is held there counts as missing already.
const RecentRows::Found& RecentRows::find(std::span<const std::int32_t> tokens) {
  if (next_ + tokens.size() > tokens_.size()) next_ = 0;
  const std::size_t begin = next_, end = begin + tokens.size();
  found_.rows.clear();
  found_.missing.clear();
  found_.fresh = rows_.data() + begin * width_;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    std::uint32_t& slot = slots_[static_cast<std::size_t>(tokens[i])];
    const bool stale = slot >= next_ && slot < end;
    if (tokens_[slot] != tokens[i] || stale) {
      slot = static_cast<std::uint32_t>(next_++);
      tokens_[slot] = tokens[i];
      found_.missing.push_back(i);
    }
    found_.rows.push_back(rows_.data() + slot * width_);
  }
  return found_;
}

}  // namespace narabi::models
