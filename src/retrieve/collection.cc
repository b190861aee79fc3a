#include "retrieve/collection.h"

#include <chrono>

#include "narabi/error.h"

namespace narabi::retrieve {

Collection::Collection(const std::string& index, const std::string& embedder) {
  index_.emplace(index, embedder);
}

Collection::Collection(std::vector<Document> documents) {
  memory_.emplace(std::move(documents));
}

std::vector<Index::Hit> Collection::search(std::string_view query, const SearchOptions& options,
                                           SearchTimes* times) const {
  if (index_) return index_->search(query, options, times);
  if (!options.filter.empty())
    throw InvalidArgument("filter: a corpus in memory has no metadata; use an index");
  if (options.retriever != Retriever::kBm25)
    throw InvalidArgument(
        "retriever: a corpus in memory has no vectors; use an index made with --embedder");
  const auto start = std::chrono::steady_clock::now();
  std::vector<Index::Hit> hits;
  for (const Hit& hit : memory_->search(query, options.candidates)) {
    const Document& document = memory_->document(hit.document);
    Index::Hit found{.document = {document.id, document.title, document.text, ""}};
    found.score = found.bm25 = hit.score;
    found.bm25_rank = static_cast<std::uint32_t>(hits.size()) + 1;
    hits.push_back(std::move(found));
  }
  if (times != nullptr)
    times->bm25 =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return hits;
}

std::vector<std::vector<Index::Hit>> Collection::search(std::span<const std::string_view> queries,
                                                        const SearchOptions& options,
                                                        SearchTimes* times) const {
  if (index_) return index_->search(queries, options, times);
  std::vector<std::vector<Index::Hit>> hits;
  for (const std::string_view query : queries) hits.push_back(search(query, options, times));
  return hits;
}

std::size_t Collection::size() const {
  return index_ ? static_cast<std::size_t>(index_->info().documents) : memory_->size();
}

bool Collection::has_vectors() const {
  return index_ && !index_->info().embedder.empty();
}

void Collection::load_vectors() const {
  SearchOptions options;
  options.retriever = Retriever::kDense;
  options.candidates = 1;
  search("京都", options);
}

double first_stage_score(Retriever retriever, const Index::Hit& hit) {
  return retriever == Retriever::kDense ? hit.dense : hit.bm25;
}

const char* first_stage_name(Retriever retriever) {
  return retriever == Retriever::kDense ? "dense" : "bm25";
}

}  // namespace narabi::retrieve
