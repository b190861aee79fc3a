// Which segments to merge, and the merge.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "retrieve/index/analysis.h"
#include "retrieve/store/store.h"

namespace narabi::retrieve {

// "lexical", "vectors" or "faiss"; by the numbers of their documents.
std::vector<SegmentRecord> segments_of(Store& store, const std::string& kind);

// The lengths of all segments together, from their headers.
LengthSums length_sums(Store& store, const std::string& folder);
void add_lengths(const std::string& path, LengthSums& sums);

// The newest segments that should become one, or none: eight or more of about the same size, so
// that a document is copied once per factor of eight of the collection. Only neighbours: numbers
// stay ordered.
std::vector<SegmentRecord> run_to_merge(const std::vector<SegmentRecord>& segments);

// Writes the run as one segment named `file`; nothing when all its documents are dead.
std::optional<SegmentRecord> merge_segments(Store& store, const std::string& folder,
                                            const std::vector<SegmentRecord>& run,
                                            const std::string& file, const Bm25Parameters& bm25,
                                            const std::array<double, kFields>& average_length);

}  // namespace narabi::retrieve
