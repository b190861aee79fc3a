// What a search goes over: an index on the disk, or a corpus in memory. The first stage, as
// `narabi search` and the server's /search have it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narabi/index.h"
#include "narabi/search.h"

namespace narabi::retrieve {

// Safe to share between threads.
class Collection {
 public:
  // An index, which may be written meanwhile: each search sees the latest commit. `embedder`: as
  // Index has it.
  explicit Collection(const std::string& index, const std::string& embedder = {});
  // BM25 over documents held in memory.
  explicit Collection(std::vector<Document> documents);

  // As Index::search. Of a corpus in memory, InvalidArgument for vectors and for a filter.
  std::vector<Index::Hit> search(std::string_view query, const SearchOptions& options,
                                 SearchTimes* times = nullptr) const;
  std::vector<std::vector<Index::Hit>> search(std::span<const std::string_view> queries,
                                              const SearchOptions& options,
                                              SearchTimes* times = nullptr) const;
  std::size_t size() const;
  bool has_vectors() const;
  // Loads the embedder and the approximate index, so that the first dense search is as fast as the
  // next. Throws what that search would.
  void load_vectors() const;

 private:
  std::optional<Index> index_;
  std::optional<LexicalIndex> memory_;
};

// The score that a reranker's logit is blended with, and the name that its weight goes by in
// narabi.json: the cosine of a dense search, else BM25, since a fused rank has no scale.
double first_stage_score(Retriever retriever, const Index::Hit& hit);
const char* first_stage_name(Retriever retriever);

}  // namespace narabi::retrieve
