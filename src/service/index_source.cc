#include "narabi/index.h"
#include "service/candidates.h"

namespace narabi::service {
namespace {

class IndexSource : public CandidateSource {
 public:
  explicit IndexSource(const std::string& folder) : index_(folder) {}

  std::vector<Candidate> search(std::string_view query, std::size_t k,
                                std::string_view filter) const override {
    const SearchOptions options{.candidates = k, .filter = std::string(filter)};
    std::vector<Candidate> candidates;
    for (Index::Hit& hit : index_.search(query, options)) {
      candidates.push_back({std::move(hit.document.id), std::move(hit.document.title),
                            std::move(hit.document.text), std::move(hit.document.metadata),
                            hit.score});
    }
    return candidates;
  }
  std::size_t documents() const override {
    return static_cast<std::size_t>(index_.info().documents);
  }
  std::string first_stage() const override { return "bm25"; }

 private:
  Index index_;
};

}  // namespace

std::unique_ptr<CandidateSource> open_index(const std::string& folder) {
  return std::make_unique<IndexSource>(folder);
}

}  // namespace narabi::service
