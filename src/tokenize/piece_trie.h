// A vocabulary as a trie over bytes, for all pieces that begin at a place of a text.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace narabi::tokenize {

// Edges lie in one open-addressing table keyed by (node, byte): a step is one probe, mostly.
class PieceTrie {
 public:
  static constexpr std::int32_t kNone = -1;

  // Later pieces of the same text win, as in the reference's map. Empty pieces are left out.
  explicit PieceTrie(const std::vector<std::string_view>& pieces);

  // The child of `node` by `byte`, or 0 (the root is nobody's child).
  std::uint32_t child(std::uint32_t node, unsigned char byte) const {
    const std::uint64_t key = static_cast<std::uint64_t>(node) << 8 | byte;
    for (std::size_t slot = hash(key);; slot = (slot + 1) & mask_) {
      if (edges_[slot].key == key) return edges_[slot].child;
      if (edges_[slot].key == kEmpty) return 0;
    }
  }
  // The piece that ends at `node`, or kNone.
  std::int32_t piece(std::uint32_t node) const { return piece_of_[node]; }
  // The piece that is all of `text`, or kNone.
  std::int32_t find(std::string_view text) const;

 private:
  struct Edge {
    std::uint64_t key;
    std::uint32_t child;
  };
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};

  std::size_t hash(std::uint64_t key) const { return (key * 0x9E3779B97F4A7C15ull >> 20) & mask_; }
  void grow();
  std::uint32_t child_or_new(std::uint32_t node, unsigned char byte);

  std::vector<Edge> edges_;
  std::size_t mask_ = 0;
  std::size_t used_ = 0;
  std::vector<std::int32_t> piece_of_;  // by node
};

}  // namespace narabi::tokenize
