// A vocabulary as a trie over characters, for all pieces that begin at a place of a text.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace narabi::tokenize {

// Edges lie in one open-addressing table keyed by (node, code point). What a walk asks of the child
// (its piece, whether anything follows) lies in the same entry, so that a step is one cache line.
class PieceTrie {
 public:
  static constexpr std::int32_t kNone = -1;

  // Where a walk stands. A default one is the root.
  struct Place {
    std::uint32_t node = 0;
    std::int32_t piece = kNone;  // the piece that ends here
    bool inner = true;           // longer pieces go on from here
  };

  // Later pieces of the same text win, as in the reference's map. Pieces that are empty or no UTF-8
  // are left out: no text holds them.
  explicit PieceTrie(const std::vector<std::string_view>& pieces);

  struct Edge {
    std::uint64_t key;
    std::uint32_t child;  // node * 2 + (has children)
    std::int32_t piece;
  };
  // Over the edges() of another trie of fewer than `pieces` pieces, which have to outlive this one.
  // Throws InvalidFormat naming `where` for what no trie is.
  PieceTrie(std::span<const Edge> edges, std::int64_t pieces, const std::string& where);
  PieceTrie(PieceTrie&&) noexcept = default;
  PieceTrie& operator=(PieceTrie&&) = delete;

  std::span<const Edge> edges() const { return {edges_, mask_ + 1}; }
  // The same edges in as few slots as keep walks short.
  static std::vector<Edge> compact(std::span<const Edge> edges);

  // Moves `place` along `c`; false when no piece goes on so.
  bool step(Place& place, char32_t c) const {
    if (!place.inner) return false;
    const std::uint64_t key = key_of(place.node, c);
    for (std::size_t slot = hash(key, mask_);; slot = (slot + 1) & mask_) {
      const Edge& edge = edges_[slot];
      if (edge.key == key) {
        place = {edge.child >> 1, edge.piece, (edge.child & 1) != 0};
        return true;
      }
      if (edge.key == kEmpty) return false;
    }
  }
  // The piece that is all of `text` (valid UTF-8), or kNone.
  std::int32_t find(std::string_view text) const;

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};

  static std::uint64_t key_of(std::uint32_t node, char32_t c) {
    return static_cast<std::uint64_t>(node) << 21 | c;  // code points have 21 bits
  }
  static std::size_t hash(std::uint64_t key, std::size_t mask) {
    return (key * 0x9E3779B97F4A7C15ull >> 24) & mask;
  }
  void insert(std::string_view text, std::int32_t piece);
  std::size_t slot_of(std::uint64_t key);  // of the entry, made when it is not there

  std::vector<Edge> own_;  // empty over another's edges
  const Edge* edges_ = nullptr;
  std::size_t mask_ = 0;
  std::uint32_t nodes_ = 1;  // made so far, the root included: edges + 1
};

}  // namespace narabi::tokenize
