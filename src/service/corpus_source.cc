#include "narabi/error.h"
#include "narabi/search.h"
#include "service/candidates.h"

namespace narabi::service {
namespace {

class CorpusSource : public CandidateSource {
 public:
  explicit CorpusSource(std::vector<Document> documents) : index_(std::move(documents)) {}

  std::vector<Candidate> search(std::string_view query, std::size_t k,
                                std::string_view filter) const override {
    if (!filter.empty())
      throw InvalidArgument("filter: a corpus in memory has no metadata; use an index");
    std::vector<Candidate> candidates;
    for (const Hit& hit : index_.search(query, k)) {
      const Document& document = index_.document(hit.document);
      candidates.push_back({document.id, document.title, document.text, {}, hit.score});
    }
    return candidates;
  }
  std::size_t documents() const override { return index_.size(); }
  std::string first_stage() const override { return "bm25"; }

 private:
  LexicalIndex index_;
};

}  // namespace

std::unique_ptr<CandidateSource> corpus_in_memory(std::vector<Document> documents) {
  return std::make_unique<CorpusSource>(std::move(documents));
}

}  // namespace narabi::service
