// Unigram language model segmentation (Kudo 2018): the path of pieces with the highest sum of log
// probabilities, as models/unigram/model.rs of the tokenizers library finds it, ties included.
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
constexpr double kUnkPenalty = 10.0;  // an unknown character costs this more than the rarest piece

std::vector<std::string_view> texts_of(const UnigramOptions& options) {
  std::vector<std::string_view> texts;
  texts.reserve(options.pieces.size());
  for (const auto& [text, score] : options.pieces) texts.push_back(text);
  return texts;
}

class Unigram final : public Model {
 public:
  explicit Unigram(UnigramOptions options)
      : size_(static_cast<int>(options.pieces.size())),
        unk_id_(options.unk_id),
        byte_fallback_(options.byte_fallback),
        trie_(texts_of(options)) {
    double lowest = std::numeric_limits<double>::infinity();
    scores_.reserve(options.pieces.size());
    for (const auto& [text, score] : options.pieces) {
      scores_.push_back(score);
      lowest = std::min(lowest, score);
    }
    unk_score_ = lowest - kUnkPenalty;
    for (int byte = 0; byte < 256; ++byte) {
      char name[8];
      std::snprintf(name, sizeof name, "<0x%02X>", static_cast<unsigned>(byte));
      byte_ids_[byte] = trie_.find(name);
    }
  }

  void append_ids(std::string_view piece, ModelScratch& scratch,
                  std::vector<std::int32_t>& ids) const override {
    if (piece.empty()) return;
    decode(piece, scratch);
    find_best_path(scratch.characters, scratch.nodes);
    collect(piece, scratch, ids);
  }

  int vocabulary_size() const override { return size_; }
  std::int32_t token_to_id(std::string_view token) const override { return trie_.find(token); }

 private:
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

  // nodes[i]: the best segmentation of the first i characters.
  void find_best_path(const std::vector<char32_t>& text,
                      std::vector<ModelScratch::Node>& nodes) const {
    nodes.assign(text.size() + 1, {});
    for (std::size_t begin = 0; begin < text.size(); ++begin) {
      const double score = nodes[begin].score;
      bool has_single = false;
      PieceTrie::Place place;
      for (std::size_t end = begin; end < text.size();) {
        if (!trie_.step(place, text[end++])) break;
        if (place.piece == PieceTrie::kNone) continue;
        offer(nodes[end], score + scores_[static_cast<std::size_t>(place.piece)], begin,
              place.piece);
        has_single |= end - begin == 1;
      }
      if (!has_single) offer(nodes[begin + 1], score + unk_score_, begin, unk_id_);
    }
  }

  // Walks back from the end; neighbours that are unknown become one.
  void collect(std::string_view text, ModelScratch& scratch, std::vector<std::int32_t>& ids) const {
    scratch.ids.clear();
    for (std::size_t end = scratch.characters.size(); end > 0;) {
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
    ids.insert(ids.end(), scratch.ids.rbegin(), scratch.ids.rend());
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

  int size_;
  std::int32_t unk_id_;
  bool byte_fallback_;
  PieceTrie trie_;
  std::vector<double> scores_;
  double unk_score_ = 0;
  std::int32_t byte_ids_[256];
};

}  // namespace

std::unique_ptr<const Model> make_unigram(UnigramOptions options, const std::string& where) {
  if (options.pieces.empty()) throw InvalidFormat(where + ": vocab: expected pieces, found none");
  for (std::size_t i = 0; i < options.pieces.size(); ++i) {
    if (std::isnan(options.pieces[i].second)) {
      throw InvalidFormat(where + ": vocab[" + std::to_string(i) +
                          "]: expected a score, found NaN");
    }
  }
  const auto size = static_cast<std::int64_t>(options.pieces.size());
  if (options.unk_id < 0 || options.unk_id >= size) {
    throw InvalidFormat(where + ": unk_id: expected 0 to " + std::to_string(size - 1) + ", found " +
                        (options.unk_id < 0 ? "none" : std::to_string(options.unk_id)));
  }
  return std::make_unique<Unigram>(std::move(options));
}

}  // namespace narabi::tokenize
