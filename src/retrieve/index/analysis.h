// Analysers for the settings of an index: one dictionary, one worker per thread.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "narabi/index.h"
#include "retrieve/bm25/analyzer.h"
#include "retrieve/lexical/segment_writer.h"
#include "retrieve/store/store.h"

namespace narabi::base {
class ThreadPool;
}

namespace narabi::retrieve {

class Analysis {
 public:
  // Throws IoError when words are wanted and the dictionary is not installed.
  explicit Analysis(const IndexSettings& settings);

  const std::string& dictionary() const { return dictionary_; }  // its stamp; empty without words
  // Safe from any thread; analysers are kept for the next call.
  Terms analyze_query(std::string_view query) const;
  std::unique_ptr<Analyzer> borrow() const;
  void give_back(std::unique_ptr<Analyzer> analyzer) const;

 private:
  bool grams_;
  std::string dictionary_;
  std::optional<text::Morphology> morphology_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Analyzer>> idle_;
};

// Sums that the bounds of a segment are computed with: of the index as it is, before the new
// documents.
struct LengthSums {
  std::uint64_t documents = 0;
  std::array<std::uint64_t, kFields> total = {};
};

// Analyses documents with ascending numbers on the pool and writes them as one segment.
WrittenFile write_segment(const std::string& path, const std::vector<StoredDocument>& documents,
                          const IndexSettings& settings, const Analysis& analysis,
                          base::ThreadPool& pool, const LengthSums& before);

// The mean lengths that a writer takes; 1 where there is nothing, so that nothing is divided by 0.
std::array<double, kFields> averages(const LengthSums& sums);

}  // namespace narabi::retrieve
