// Unigram language model segmentation (Kudo 2018): the path of pieces with the highest sum of log
// probabilities, as models/unigram/model.rs of the tokenizers library finds it, ties included.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "base/utf8.h"
#include "narabi/error.h"
#include "tokenize/model.h"
#include "tokenize/piece_trie.h"

namespace narabi::tokenize {
namespace {

constexpr std::size_t kMaxBytes = std::numeric_limits<std::int32_t>::max();
constexpr std::size_t kFirstLook = 32;  // characters beyond `enough`, at which to see if it is
constexpr double kUnkPenalty = 10.0;  // an unknown character costs this more than the rarest piece

std::vector<std::string_view> texts_of(const UnigramOptions& options) {
  std::vector<std::string_view> texts;
  texts.reserve(options.pieces.size());
  for (const auto& [text, score] : options.pieces) texts.push_back(text);
  return texts;
}

class Unigram final : public Model {
 public:
  Unigram(const UnigramOptions& options, const std::string& where)
      : unk_id_(options.unk_id),
        byte_fallback_(options.byte_fallback),
        trie_(make_trie(options, where)) {
    own_scores_.reserve(options.pieces.size());
    for (const auto& [text, score] : options.pieces) own_scores_.push_back(score);
    scores_ = own_scores_;
    if (options.compiled != nullptr) {
      scores_ = options.compiled->scores;
      owner_ = options.compiled->owner;
    }
    check(where);
    unk_score_ = *std::min_element(scores_.begin(), scores_.end()) - kUnkPenalty;
    for (int byte = 0; byte < 256; ++byte) {
      char name[8];
      std::snprintf(name, sizeof name, "<0x%02X>", static_cast<unsigned>(byte));
      byte_ids_[byte] = trie_.find(name);
    }
  }

  void append_ids(std::string_view piece, ModelScratch& scratch, std::vector<std::int32_t>& ids,
                  std::size_t limit) const override {
    if (piece.empty()) return;
    decode(piece, scratch);
    find_best_path(piece, scratch, limit - std::min(limit, ids.size()));
    ids.insert(ids.end(), scratch.ids.rbegin(), scratch.ids.rend());
  }

  int vocabulary_size() const override { return static_cast<int>(scores_.size()); }
  std::int32_t token_to_id(std::string_view token) const override { return trie_.find(token); }
  VocabularyTables tables() const override { return {trie_.edges(), {}, scores_, {}, nullptr}; }

 private:
  static PieceTrie make_trie(const UnigramOptions& options, const std::string& where) {
    if (options.compiled == nullptr) return PieceTrie(texts_of(options));
    const auto pieces = static_cast<std::int64_t>(options.compiled->scores.size());
    return {options.compiled->pieces, pieces, where};
  }

  void check(const std::string& where) const {
    if (scores_.empty()) throw InvalidFormat(where + ": vocab: expected pieces, found none");
    for (std::size_t i = 0; i < scores_.size(); ++i) {
      if (std::isnan(scores_[i])) {
        throw InvalidFormat(where + ": vocab[" + std::to_string(i) +
                            "]: expected a score, found NaN");
      }
    }
    const auto size = static_cast<std::int64_t>(scores_.size());
    if (unk_id_ < 0 || unk_id_ >= size) {
      throw InvalidFormat(where + ": unk_id: expected 0 to " + std::to_string(size - 1) +
                          ", found " + (unk_id_ < 0 ? "none" : std::to_string(unk_id_)));
    }
  }

  static void decode(std::string_view text, ModelScratch& scratch) {
    if (text.size() > kMaxBytes) {
      throw InvalidArgument("text: expected at most " + std::to_string(kMaxBytes) +
                            " bytes, found " + std::to_string(text.size()));
    }
    scratch.characters.clear();
    scratch.offsets.clear();
    for (std::size_t offset = 0; offset < text.size();) {
      scratch.offsets.push_back(static_cast<std::uint32_t>(offset));
      scratch.characters.push_back(base::next_code_point(text, offset));
    }
    scratch.offsets.push_back(static_cast<std::uint32_t>(text.size()));
  }

  static void offer(ModelScratch::Node& node, double score, std::size_t from, std::int32_t id) {
    if (node.from < 0 || score > node.score) node = {score, static_cast<std::int32_t>(from), id};
  }

  // nodes[i]: the best segmentation of the first i characters. Leaves the ids in scratch.ids, last
  // first: all, or more than `enough` of those that all begin with.
  void find_best_path(std::string_view bytes, ModelScratch& scratch, std::size_t enough) const {
    const std::vector<char32_t>& text = scratch.characters;
    std::vector<ModelScratch::Node>& nodes = scratch.nodes;
    nodes.assign(text.size() + 1, {});
    std::size_t furthest = 0;  // end of the longest piece so far
    std::size_t next_look = enough < text.size() ? enough + kFirstLook : text.size();
    for (std::size_t begin = 0; begin < text.size(); ++begin) {
      if (begin >= next_look) {
        collect(bytes, settled(nodes, begin, furthest), scratch);
        if (scratch.ids.size() > enough) return;
        next_look += next_look / 4;
      }
      furthest = std::max(furthest, offer_pieces(text, begin, nodes));
    }
    collect(bytes, text.size(), scratch);
  }

  // All pieces that begin at `begin`; returns the end of the longest.
  std::size_t offer_pieces(const std::vector<char32_t>& text, std::size_t begin,
                           std::vector<ModelScratch::Node>& nodes) const {
    const double score = nodes[begin].score;
    bool has_single = false;
    std::size_t longest = begin + 1;
    PieceTrie::Place place;
    for (std::size_t end = begin; end < text.size();) {
      if (!trie_.step(place, text[end++])) break;
      if (place.piece == PieceTrie::kNone) continue;
      offer(nodes[end], score + scores_[static_cast<std::size_t>(place.piece)], begin, place.piece);
      has_single |= end - begin == 1;
      longest = end;
    }
    if (!has_single) offer(nodes[begin + 1], score + unk_score_, begin, unk_id_);
    return longest;
  }

  // Up to where the best path of the whole text is known when all pieces that begin before `done`
  // have been offered: its first boundary from `done` on is one of those reached by now, and all
  // of their paths share what lies before the place returned. An unknown piece before it is left
  // out, for one after it would join it.
  std::size_t settled(const std::vector<ModelScratch::Node>& nodes, std::size_t done,
                      std::size_t furthest) const {
    std::size_t common = done;
    for (std::size_t end = done + 1; end <= furthest; ++end) {
      if (nodes[end].from < 0) continue;
      for (std::size_t other = end; other != common;) {
        std::size_t& later = other > common ? other : common;
        later = static_cast<std::size_t>(nodes[later].from);
      }
    }
    while (common > 0 && nodes[common].id == unk_id_)
      common = static_cast<std::size_t>(nodes[common].from);
    return common;
  }

  // Walks back from `end`; neighbours that are unknown become one.
  void collect(std::string_view text, std::size_t end, ModelScratch& scratch) const {
    scratch.ids.clear();
    while (end > 0) {
      const ModelScratch::Node& node = scratch.nodes[end];
      auto begin = static_cast<std::size_t>(node.from);
      if (node.id != unk_id_) {
        scratch.ids.push_back(node.id);
      } else {
        while (begin > 0 && scratch.nodes[begin].id == unk_id_) {
          begin = static_cast<std::size_t>(scratch.nodes[begin].from);
        }
        const std::uint32_t offset = scratch.offsets[begin];
        push_unknown_reversed(text.substr(offset, scratch.offsets[end] - offset), scratch.ids);
      }
      end = begin;
    }
  }

  void push_unknown_reversed(std::string_view text, std::vector<std::int32_t>& reversed) const {
    if (const std::int32_t id = trie_.find(text); id != PieceTrie::kNone) {
      reversed.push_back(id);
      return;
    }
    bool bytes = byte_fallback_;
    for (const char c : text)
      bytes = bytes && byte_ids_[static_cast<unsigned char>(c)] != PieceTrie::kNone;
    if (!bytes) {
      reversed.push_back(unk_id_);
      return;
    }
    for (std::size_t i = text.size(); i-- > 0;) {
      reversed.push_back(byte_ids_[static_cast<unsigned char>(text[i])]);
    }
  }

  std::int32_t unk_id_;
  bool byte_fallback_;
  PieceTrie trie_;
  std::vector<double> own_scores_;  // empty over a compiled vocabulary
  std::span<const double> scores_;
  std::shared_ptr<const void> owner_;
  double unk_score_ = 0;
  std::int32_t byte_ids_[256];
};

}  // namespace

std::unique_ptr<const Model> make_unigram(const UnigramOptions& options, const std::string& where) {
  return std::make_unique<Unigram>(options, where);
}

}  // namespace narabi::tokenize
