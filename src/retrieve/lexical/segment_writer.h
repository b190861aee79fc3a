// Writes one segment: terms in order, each with its postings.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/atomic_file.h"
#include "retrieve/lexical/impact.h"
#include "retrieve/lexical/posting_list.h"
#include "retrieve/lexical/segment_format.h"

namespace narabi::retrieve {

// The documents of a segment; position i in each array is document i of the segment.
struct SegmentDocuments {
  std::vector<std::uint32_t> numbers;  // in the store, ascending
  std::array<std::vector<std::uint16_t>, kFields> lengths;
  std::array<std::uint64_t, kFields> total_length = {};
};

struct WrittenFile {
  std::uint64_t bytes = 0;
  std::uint64_t checksum = 0;  // XXH3 of what follows the header; the header has its own
};

// Memory: 16 bytes a term and the terms' text; postings are streamed. The file appears at finish(),
// synced; without it nothing is left.
class SegmentWriter {
 public:
  SegmentWriter(const std::string& path, SegmentDocuments documents, const Bm25Parameters& bm25,
                const std::array<double, kFields>& average_length);
  ~SegmentWriter();

  // Terms in ascending order of bytes, no list empty.
  void add(std::string_view term, const PostingList& list);
  WrittenFile finish();

 private:
  struct Hash;
  void write(const void* bytes, std::size_t count);
  std::uint64_t begin_section();
  std::uint8_t bound(const PostingList& list, int field, std::size_t begin, std::size_t end) const;
  void append_varints(const PostingList& list, std::size_t begin, std::size_t end,
                      std::uint32_t before);
  void append_block(const PostingList& list, std::size_t begin, std::uint32_t before);

  base::AtomicFile file_;
  SegmentDocuments documents_;
  Bm25Parameters bm25_;
  std::array<std::vector<float>, kFields> norms_;  // by length: k1 (1 - b + b length / average)
  SegmentHeader header_ = {};
  std::vector<TermEntry> entries_;
  std::string texts_;
  std::vector<std::uint8_t> data_;  // the list being built
  std::uint64_t at_ = 0;
  std::unique_ptr<Hash> hash_;
};

// Copies the union of `sources` to `writer`. The documents of an earlier source come before those
// of a later one.
void merge_terms(const std::vector<std::unique_ptr<TermSource>>& sources, SegmentWriter& writer);

}  // namespace narabi::retrieve
