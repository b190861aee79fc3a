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

void append_sized(std::string& out, std::string_view part) {
  const std::uint64_t size = part.size();
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  out.append(part);
}

}  // namespace

ScoreCache::ScoreCache(std::size_t capacity)
    : capacity_(capacity), secret_{random_word(), random_word()} {}

PairKey ScoreCache::key(std::string_view model_version, std::string_view query,
                        std::string_view passage) const {
  std::string bytes;  // with sizes: ("ab", "c") is not ("a", "bc")
  bytes.reserve(model_version.size() + query.size() + passage.size() + 24);
  append_sized(bytes, model_version);
  append_sized(bytes, query);
  append_sized(bytes, passage);
  const auto hash = siphash128(secret_, bytes);
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
