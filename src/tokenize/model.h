// The models of tokenizer.json: one piece of text to ids.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenize/piece_trie.h"

namespace narabi::tokenize {

// Scratch of one thread; what is in it belongs to the model that uses it.
struct ModelScratch {
  struct Node {
    double score = 0;
    std::int32_t from = -1;  // character where the piece that ends here begins; -1: not reached
    std::int32_t id = 0;
  };
  std::vector<char32_t> characters;
  std::vector<std::uint32_t> offsets;  // byte where a character begins, and the end
  std::vector<Node> nodes;             // before each character, and at the end
  std::vector<std::int32_t> ids;
};

// A vocabulary as flat arrays, which may lie in a file; borrowed, from `owner` where it is not
// null.
struct VocabularyTables {
  std::span<const PieceTrie::Edge> pieces;
  std::span<const PieceTrie::Edge> continuations;  // WordPiece: what follows the prefix
  std::span<const double> scores;                  // Unigram: by piece, which is the id
  std::span<const std::int32_t> ids;               // WordPiece: by piece
  std::shared_ptr<const void> owner;
};

// Immutable, shared between threads.
class Model {
 public:
  virtual ~Model() = default;
  // `limit` as in Worker::append_ids().
  virtual void append_ids(std::string_view piece, ModelScratch& scratch,
                          std::vector<std::int32_t>& ids, std::size_t limit) const = 0;
  virtual int vocabulary_size() const = 0;
  // The id of a whole token, or -1.
  virtual std::int32_t token_to_id(std::string_view token) const = 0;
  virtual VocabularyTables tables() const = 0;  // borrowed from the model
};

struct UnigramOptions {
  std::vector<std::pair<std::string, double>> pieces;  // text, log probability; index = id
  std::int32_t unk_id = -1;                            // -1: none
  bool byte_fallback = false;
  const VocabularyTables* compiled = nullptr;  // instead of `pieces`
};

struct WordPieceOptions {
  std::vector<std::pair<std::string, std::int32_t>> vocabulary;  // text, id
  std::string unk_token = "[UNK]";
  std::string prefix = "##";
  std::size_t max_characters = 100;            // of a word; a longer one is unknown
  const VocabularyTables* compiled = nullptr;  // instead of `vocabulary`
};

// Both throw InvalidFormat naming `where` for a vocabulary they cannot use.
std::unique_ptr<const Model> make_unigram(const UnigramOptions& options, const std::string& where);
std::unique_ptr<const Model> make_wordpiece(const WordPieceOptions& options,
                                            const std::string& where);

}  // namespace narabi::tokenize
