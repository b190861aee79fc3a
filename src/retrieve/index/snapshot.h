// What a reader sees of one commit: its segments, mapped, and its settings.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "narabi/index.h"
#include "retrieve/dense/vector_file.h"
#include "retrieve/index/analysis.h"
#include "retrieve/index/settings.h"
#include "retrieve/lexical/lexical_search.h"
#include "retrieve/store/store.h"

namespace narabi::retrieve {

// Immutable; shared by the calls that see the same generation. Mapped files stay readable after a
// writer has removed their names.
struct Snapshot {
  std::uint64_t generation = 0;
  LexicalSearch lexical;
  std::vector<std::shared_ptr<const VectorFile>> vectors;  // by the numbers of their documents
  std::optional<SegmentRecord> ann;  // covers the vectors up to its last number
  NotedSearch noted;                 // of it
};

// Inside a read transaction of `store`. Throws IoError for a segment that is not there: a writer
// may have removed it since the transaction began, then a new transaction sees others.
std::shared_ptr<const Snapshot> load_snapshot(Store& store, const std::string& folder,
                                              const IndexSettings& settings);

// The documents of the snapshot's segments that the filter lets through, in a read transaction.
std::vector<Bitmap> allowed_documents(Store& store, const Snapshot& snapshot,
                                      std::string_view filter);

// All problems of an index, each in a line.
std::vector<std::string> find_problems(Store& store, const std::string& folder);

}  // namespace narabi::retrieve
