// BM25 over a collection held in memory: MeCab words and character bigrams.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace narabi {

struct Document {
  std::string id;
  std::string title;
  std::string text;
};

struct Hit {
  std::size_t document = 0;  // position in the collection
  double score = 0;          // BM25, >= 0
};

struct LexicalOptions {
  bool words = true;         // MeCab words (ipadic)
  bool bigrams = true;       // characters and pairs of them
  double word_weight = 1.0;  // the score is the weighted sum of the BM25 of both
  double bigram_weight = 1.0;
  double k1 = 1.2;
  double b = 0.75;
};

// Immutable after construction and safe to share between threads.
class LexicalIndex {
 public:
  // Analyses with all cores. Throws IoError when words are wanted and the dictionary is not
  // installed.
  explicit LexicalIndex(std::vector<Document> documents, const LexicalOptions& options = {});
  ~LexicalIndex();
  LexicalIndex(LexicalIndex&&) noexcept;
  LexicalIndex& operator=(LexicalIndex&&) noexcept;

  // At most k hits with a score > 0, best first; equal scores: the earlier document first.
  std::vector<Hit> search(std::string_view query, std::size_t k) const;
  const Document& document(std::size_t position) const;
  std::size_t size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narabi
