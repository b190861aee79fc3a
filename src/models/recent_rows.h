// What a model computes of a token alone, kept from one batch to the next: the rows of the tokens
// that were seen last, in a ring.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace narabi::models {

class RecentRows {
 public:
  // What the ring may take: with 3 KB a row (hidden size 256), 2,730 tokens.
  static constexpr std::size_t kBytes = std::size_t{8} << 20;

  // From now on rows of `width` floats for tokens below `vocabulary`, as `model` has them (a number
  // that no other model has); those of another model are forgotten.
  void hold(std::uint64_t model, std::size_t vocabulary, std::size_t width);
  // The most tokens of one find().
  std::size_t limit() const { return tokens_.size() / 2; }

  struct Found {
    std::vector<const float*> rows;    // of each token
    std::vector<std::size_t> missing;  // those of the tokens whose rows are not held yet, each once
    float* fresh = nullptr;            // [missing, width]: to be written before `rows` are read
  };
  // Valid until the next call.
  const Found& find(std::span<const std::int32_t> tokens);

 private:
  std::uint64_t model_ = 0;
  std::size_t width_ = 0, next_ = 0;
  std::vector<float> rows_;           // [slots, width]
  std::vector<std::int32_t> tokens_;  // of each slot; -1: none
  std::vector<std::uint32_t> slots_;  // where each token was put last
  Found found_;
};

}  // namespace narabi::models
