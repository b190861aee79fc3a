#include "tokenize/piece_trie.h"

namespace narabi::tokenize {

PieceTrie::PieceTrie(const std::vector<std::string_view>& pieces) : piece_of_{kNone} {
  edges_.assign(1024, {kEmpty, 0});
  mask_ = edges_.size() - 1;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].empty()) continue;
    std::uint32_t node = 0;
    for (const char c : pieces[i]) node = child_or_new(node, static_cast<unsigned char>(c));
    piece_of_[node] = static_cast<std::int32_t>(i);
  }
}

std::int32_t PieceTrie::find(std::string_view text) const {
  std::uint32_t node = 0;
  for (const char c : text) {
    node = child(node, static_cast<unsigned char>(c));
    if (node == 0) return kNone;
  }
  return piece_of_[node];
}

void PieceTrie::grow() {
  std::vector<Edge> old(edges_.size() * 2, Edge{kEmpty, 0});
  old.swap(edges_);
  mask_ = edges_.size() - 1;
  for (const Edge& edge : old) {
    if (edge.key == kEmpty) continue;
    std::size_t slot = hash(edge.key);
    while (edges_[slot].key != kEmpty) slot = (slot + 1) & mask_;
    edges_[slot] = edge;
  }
}

std::uint32_t PieceTrie::child_or_new(std::uint32_t node, unsigned char byte) {
  if (const std::uint32_t found = child(node, byte)) return found;
  if (++used_ * 2 > edges_.size()) grow();
  const std::uint64_t key = static_cast<std::uint64_t>(node) << 8 | byte;
  std::size_t slot = hash(key);
  while (edges_[slot].key != kEmpty) slot = (slot + 1) & mask_;
  const auto fresh = static_cast<std::uint32_t>(piece_of_.size());
  edges_[slot] = {key, fresh};
  piece_of_.push_back(kNone);
  return fresh;
}

}  // namespace narabi::tokenize
