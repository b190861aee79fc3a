// Scores of pairs seen lately, bounded, for one key of (model, query, passage). A query's share of
// the key is made once for all its passages: it may be megabytes, and they a thousand.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "narabi/reranker.h"

namespace narabi::service {

// 128 bits of SipHash-2-4 under a random key, so that nobody can make two pairs meet.
struct PairKey {
  std::uint64_t high = 0, low = 0;
  bool operator==(const PairKey&) const = default;
};

class ScoreCache {
 public:
  explicit ScoreCache(std::size_t capacity);  // entries of about 100 bytes; 0: no cache

  bool enabled() const { return capacity_ > 0; }
  PairKey query_key(std::string_view model_version, std::string_view query) const;
  static PairKey pair_key(const PairKey& query, std::string_view passage);
  std::optional<Score> find(const PairKey& key);
  void put(const PairKey& key, const Score& score);
  void clear();
  std::size_t size() const;

 private:
  struct Hash {
    std::size_t operator()(const PairKey& key) const { return key.low; }
  };
  struct Entry {
    PairKey key;
    Score score;
  };

  const std::size_t capacity_;
  std::array<std::uint64_t, 2> secret_;
  mutable std::mutex mutex_;
  std::list<Entry> recent_;  // the latest first
  std::unordered_map<PairKey, std::list<Entry>::iterator, Hash> entries_;
};

}  // namespace narabi::service
