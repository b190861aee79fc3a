// Where /search takes its candidates from: an index, or a corpus in memory.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "narabi/search.h"

namespace narabi::service {

struct Candidate {
  std::string id;
  std::string title;
  std::string text;
  std::string metadata;  // a JSON object, or empty
  double score = 0;      // of the first stage, raw
};

// Safe to call from several threads.
class CandidateSource {
 public:
  virtual ~CandidateSource() = default;
  // At most k, best first. `filter` is the source's own language; throws InvalidArgument for one
  // that it does not read.
  virtual std::vector<Candidate> search(std::string_view query, std::size_t k,
                                        std::string_view filter) const = 0;
  virtual std::size_t documents() const = 0;
  virtual std::string first_stage() const = 0;  // "bm25": the name that blend weights go by
};

// An index on the disk, which may be written meanwhile: each search sees the latest commit.
std::unique_ptr<CandidateSource> open_index(const std::string& folder);

// BM25 over documents held in memory.
std::unique_ptr<CandidateSource> corpus_in_memory(std::vector<Document> documents);

}  // namespace narabi::service
