#include "tokenize/piece_trie.h"

#include <bit>

#include "base/utf8.h"
#include "narabi/error.h"

namespace narabi::tokenize {

PieceTrie::PieceTrie(const std::vector<std::string_view>& pieces) {
  // No more nodes than characters: at most two thirds full, about a third with real vocabularies.
  std::size_t characters = 1, slots = 64;
  for (const std::string_view piece : pieces)
    for (const char c : piece) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  while (slots * 2 < characters * 3) slots *= 2;
  own_.assign(slots, {kEmpty, 0, kNone});
  edges_ = own_.data();
  mask_ = slots - 1;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (!pieces[i].empty() && !base::invalid_utf8_at(pieces[i]))
      insert(pieces[i], static_cast<std::int32_t>(i));
  }
}

PieceTrie::PieceTrie(std::span<const Edge> edges, std::int64_t pieces, const std::string& where)
    : edges_(edges.data()), mask_(edges.size() - 1) {
  if (!std::has_single_bit(edges.size())) {
    throw InvalidFormat(where + ": expected a power of two edges, found " +
                        std::to_string(edges.size()));
  }
  bool room = false;  // a walk that finds nothing ends at an empty slot
  std::size_t wrong = 0;
  for (const Edge& edge : edges) {
    room |= edge.key == kEmpty;
    wrong += edge.piece < kNone || edge.piece >= pieces;
  }
  if (!room) throw InvalidFormat(where + ": expected an empty edge, found none");
  if (wrong > 0) {
    throw InvalidFormat(where + ": expected pieces below " + std::to_string(pieces) + ", found " +
                        std::to_string(wrong) + " edges with others");
  }
}

std::vector<PieceTrie::Edge> PieceTrie::compact(std::span<const Edge> edges) {
  std::size_t used = 0, slots = 64;
  for (const Edge& edge : edges) used += edge.key != kEmpty;
  while (slots * 2 < used * 3) slots *= 2;
  std::vector<Edge> compacted(slots, {kEmpty, 0, kNone});
  for (const Edge& edge : edges) {
    if (edge.key == kEmpty) continue;
    std::size_t slot = hash(edge.key, slots - 1);
    while (compacted[slot].key != kEmpty) slot = (slot + 1) & (slots - 1);
    compacted[slot] = edge;
  }
  return compacted;
}

std::int32_t PieceTrie::find(std::string_view text) const {
  Place place;
  for (std::size_t offset = 0; offset < text.size();) {
    if (!step(place, base::next_code_point(text, offset))) return kNone;
  }
  return place.piece;
}

void PieceTrie::insert(std::string_view text, std::int32_t piece) {
  Edge* edge = nullptr;
  for (std::size_t offset = 0; offset < text.size();) {
    if (edge != nullptr) edge->child |= 1;
    const std::uint32_t node = edge == nullptr ? 0 : edge->child >> 1;
    edge = &own_[slot_of(key_of(node, base::next_code_point(text, offset)))];
  }
  edge->piece = piece;
}

std::size_t PieceTrie::slot_of(std::uint64_t key) {
  std::size_t slot = hash(key, mask_);
  while (edges_[slot].key != key && edges_[slot].key != kEmpty) slot = (slot + 1) & mask_;
  if (edges_[slot].key == kEmpty) own_[slot] = {key, nodes_++ << 1, kNone};
  return slot;
}

}  // namespace narabi::tokenize
