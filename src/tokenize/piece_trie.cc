#include "tokenize/piece_trie.h"

#include "base/utf8.h"

namespace narabi::tokenize {

PieceTrie::PieceTrie(const std::vector<std::string_view>& pieces) {
  // No more nodes than characters: at most two thirds full, about a third with real vocabularies.
  std::size_t characters = 1, slots = 64;
  for (const std::string_view piece : pieces)
    for (const char c : piece) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  while (slots * 2 < characters * 3) slots *= 2;
  edges_.assign(slots, {kEmpty, 0, kNone});
  mask_ = slots - 1;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (!pieces[i].empty() && !base::invalid_utf8_at(pieces[i]))
      insert(pieces[i], static_cast<std::int32_t>(i));
  }
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
    edge = &edges_[slot_of(key_of(node, base::next_code_point(text, offset)))];
  }
  edge->piece = piece;
}

std::size_t PieceTrie::slot_of(std::uint64_t key) {
  std::size_t slot = hash(key);
  while (edges_[slot].key != key && edges_[slot].key != kEmpty) slot = (slot + 1) & mask_;
  if (edges_[slot].key == kEmpty) edges_[slot] = {key, nodes_++ << 1, kNone};
  return slot;
}

}  // namespace narabi::tokenize
