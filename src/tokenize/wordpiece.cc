// WordPiece (Wu et al. 2016) as BERT uses it: the longest piece first, greedily; a word that cannot
// be covered is one unknown token.
#include "base/utf8.h"
#include "narabi/error.h"
#include "tokenize/model.h"
#include "tokenize/piece_trie.h"

namespace narabi::tokenize {
namespace {

class WordPiece final : public Model {
 public:
  explicit WordPiece(WordPieceOptions options)
      : options_(std::move(options)), words_(texts(false)), continuations_(texts(true)) {
    for (const auto& [text, id] : options_.vocabulary) size_ = std::max(size_, id + 1);
    unk_id_ = token_to_id(options_.unk_token);
  }

  void append_ids(std::string_view word, ModelScratch& scratch, std::vector<std::int32_t>& ids,
                  std::size_t /*limit*/) const override {
    if (word.empty()) return;
    if (characters(word) > options_.max_characters) {
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
    return entry < 0 ? -1 : options_.vocabulary[static_cast<std::size_t>(entry)].second;
  }

 private:
  // All tokens, or what follows the prefix in those that have it; the index is the vocabulary's.
  std::vector<std::string_view> texts(bool continuations) const {
    std::vector<std::string_view> texts;
    for (const auto& [text, id] : options_.vocabulary) {
      std::string_view token = text;
      if (continuations) {
        token = token.starts_with(options_.prefix) ? token.substr(options_.prefix.size())
                                                   : std::string_view{};
      }
      texts.push_back(token);
    }
    return texts;
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
      best = options_.vocabulary[static_cast<std::size_t>(place.piece)].second;
      length = end;
    }
    return best;
  }

  WordPieceOptions options_;
  PieceTrie words_, continuations_;
  int size_ = 0;
  std::int32_t unk_id_ = -1;
};

}  // namespace

std::unique_ptr<const Model> make_wordpiece(WordPieceOptions options, const std::string& where) {
  if (options.vocabulary.empty())
    throw InvalidFormat(where + ": vocab: expected tokens, found none");
  const std::string unk = options.unk_token;
  auto model = std::make_unique<WordPiece>(std::move(options));
  if (model->token_to_id(unk) < 0) {
    throw InvalidFormat(where + ": expected the unknown token " + unk +
                        " in the vocabulary, found none");
  }
  return model;
}

}  // namespace narabi::tokenize
