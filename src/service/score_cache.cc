#include "service/score_cache.h"

#include <random>
#include <string>

#include "service/siphash.h"

namespace narabi::service {
namespace {

std::uint64_t random_word() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

}  // namespace

ScoreCache::ScoreCache(std::size_t capacity)
    : capacity_(capacity), secret_{random_word(), random_word()} {}

PairKey ScoreCache::query_key(std::string_view model_version, std::string_view query) const {
  return pair_key(pair_key({secret_[0], secret_[1]}, model_version), query);
}

// What stands before is the key under which the next part is hashed, so ("ab", "c") is not
// ("a", "bc"), and each key is as secret as the first.
PairKey ScoreCache::pair_key(const PairKey& query, std::string_view passage) {
  const auto hash = siphash128({query.high, query.low}, passage);
  return {hash[1], hash[0]};
}

std::optional<Score> ScoreCache::find(const PairKey& key) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->score;
}

void ScoreCache::put(const PairKey& key, const Score& score) {
  const std::lock_guard lock(mutex_);
  if (capacity_ == 0 || entries_.contains(key)) return;
  if (entries_.size() == capacity_) {
    entries_.erase(recent_.back().key);
    recent_.pop_back();
  }
  recent_.push_front({key, score});
  entries_.emplace(key, recent_.begin());
}

void ScoreCache::clear() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
  recent_.clear();
}

std::size_t ScoreCache::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace narabi::service
