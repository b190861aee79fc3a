// A term's postings as plain arrays, and where a merge gets them from.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace narabi::retrieve {

struct PostingList {
  std::vector<std::uint32_t> documents;    // ascending, positions in the segment to be written
  std::vector<std::uint32_t> frequencies;  // > 0

  void clear() {
    documents.clear();
    frequencies.clear();
  }
};

// Terms in the order of their bytes, each with its postings.
class TermSource {
 public:
  virtual ~TermSource() = default;
  virtual bool next() = 0;                           // the first call moves to the first term
  virtual std::string_view term() const = 0;         // valid until next()
  virtual void append(PostingList& list) const = 0;  // in ascending order of documents
};

}  // namespace narabi::retrieve
