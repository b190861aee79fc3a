// The dense arm of an index: files of vectors and the approximate index, as a writer makes them and
// a reader searches them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "narabi/embedder.h"
#include "retrieve/dense/ann.h"
#include "retrieve/dense/vector_file.h"
#include "retrieve/index/snapshot.h"
#include "retrieve/store/store.h"

namespace narabi::retrieve {

std::uint64_t file_checksum(const std::string& path);  // XXH3 of the whole file

// Embeds documents with ascending numbers and writes them as the file named `file`.
SegmentRecord write_vector_segment(const std::string& folder, const std::string& file,
                                   const Embedder& embedder,
                                   const std::vector<StoredDocument>& documents);
// Copies the vectors of documents that are still stored; nothing when there are none.
std::optional<SegmentRecord> merge_vectors(Store& store, const std::string& folder,
                                           const std::vector<SegmentRecord>& run,
                                           const std::string& file);
// Trains and writes the approximate index over all vectors.
SegmentRecord write_ann(const std::string& folder, const std::string& file,
                        const std::string& factory, const std::vector<SegmentRecord>& vectors,
                        const Ann::Progress& progress);

// Ascending numbers of the documents that have a vector.
std::vector<std::uint32_t> embedded_numbers(const std::string& folder,
                                            const std::vector<SegmentRecord>& vectors);

// The best `options.candidates` of the alive documents for each of `count` queries (count x
// dimension). `ann`: null for exact search.
std::vector<std::vector<VectorHit>> search_vectors(const Snapshot& snapshot, const Ann* ann,
                                                   const std::vector<float>& queries,
                                                   std::size_t count, const SearchOptions& options,
                                                   std::span<const Bitmap> allowed);

}  // namespace narabi::retrieve
