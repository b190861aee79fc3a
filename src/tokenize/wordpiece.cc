// WordPiece (Wu et al. 2016) as BERT uses it: the longest piece first, greedily; a word that cannot
// be covered is one unknown token.
#include <algorithm>
#include <limits>

#include "base/utf8.h"
#include "narabi/error.h"
#include "tokenize/model.h"
#include "tokenize/piece_trie.h"

namespace narabi::tokenize {
namespace {

class WordPiece final : public Model {
 public:
  WordPiece(const WordPieceOptions& options, const std::string& where)
      : max_characters_(options.max_characters),
        words_(make_trie(options, false, where)),
        continuations_(make_trie(options, true, where)) {
    own_ids_.reserve(options.vocabulary.size());
    for (const auto& [text, id] : options.vocabulary) own_ids_.push_back(id);
    ids_ = own_ids_;
    if (options.compiled != nullptr) {
      ids_ = options.compiled->ids;
      owner_ = options.compiled->owner;
    }
    if (ids_.empty()) throw InvalidFormat(where + ": vocab: expected tokens, found none");
    const auto [least, most] = std::minmax_element(ids_.begin(), ids_.end());
    if (*least < 0 || *most == std::numeric_limits<std::int32_t>::max()) {
      throw InvalidFormat(where + ": vocab: expected ids from 0, found " + std::to_string(*least) +
                          " to " + std::to_string(*most));
    }
    size_ = *most + 1;
    unk_id_ = token_to_id(options.unk_token);
    if (unk_id_ < 0) {
      throw InvalidFormat(where + ": expected the unknown token " + options.unk_token +
                          " in the vocabulary, found none");
    }
  }

  void append_ids(std::string_view word, ModelScratch& scratch, std::vector<std::int32_t>& ids,
                  std::size_t /*limit*/) const override {
    if (word.empty()) return;
    if (characters(word) > max_characters_) {
      ids.push_back(unk_id_);
      return;
    }
    scratch.ids.clear();
    for (std::size_t begin = 0; begin < word.size();) {
      std::size_t length = 0;
      const std::int32_t id =
          longest(begin == 0 ? words_ : continuations_, word.substr(begin), length);
      if (id < 0) {
        ids.push_back(unk_id_);
        return;
      }
      scratch.ids.push_back(id);
      begin += length;
    }
    ids.insert(ids.end(), scratch.ids.begin(), scratch.ids.end());
  }

  int vocabulary_size() const override { return size_; }

  std::int32_t token_to_id(std::string_view token) const override {
    const std::int32_t entry = words_.find(token);
    return entry < 0 ? -1 : ids_[static_cast<std::size_t>(entry)];
  }

  VocabularyTables tables() const override {
    return {words_.edges(), continuations_.edges(), {}, ids_, nullptr};
  }

 private:
  // Of all tokens, or of what follows the prefix in those that have it; pieces are the vocabulary's
  // entries.
  static PieceTrie make_trie(const WordPieceOptions& options, bool continuations,
                             const std::string& where) {
    if (options.compiled != nullptr) {
      const VocabularyTables& tables = *options.compiled;
      return {continuations ? tables.continuations : tables.pieces,
              static_cast<std::int64_t>(tables.ids.size()), where};
    }
    std::vector<std::string_view> texts;
    for (const auto& [text, id] : options.vocabulary) {
      std::string_view token = text;
      if (continuations) {
        token = token.starts_with(options.prefix) ? token.substr(options.prefix.size())
                                                  : std::string_view{};
      }
      texts.push_back(token);
    }
    return PieceTrie(texts);
  }

  static std::size_t characters(std::string_view word) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < word.size(); i += base::utf8_length(word[i])) ++count;
    return count;
  }

  std::int32_t longest(const PieceTrie& trie, std::string_view text, std::size_t& length) const {
    std::int32_t best = -1;
    PieceTrie::Place place;
    for (std::size_t end = 0; end < text.size();) {
      if (!trie.step(place, base::next_code_point(text, end))) break;
      if (place.piece == PieceTrie::kNone) continue;
      best = ids_[static_cast<std::size_t>(place.piece)];
      length = end;
    }
    return best;
  }

  std::size_t max_characters_;
  PieceTrie words_, continuations_;
  std::vector<std::int32_t> own_ids_;  // empty over a compiled vocabulary
  std::span<const std::int32_t> ids_;
  std::shared_ptr<const void> owner_;
  int size_ = 0;
  std::int32_t unk_id_ = -1;
};

}  // namespace

std::unique_ptr<const Model> make_wordpiece(const WordPieceOptions& options,
                                            const std::string& where) {
  return std::make_unique<WordPiece>(options, where);
}

}  // namespace narabi::tokenize
