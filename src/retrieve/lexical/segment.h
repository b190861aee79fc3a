// A segment as it lies on the disk, mapped: lookup of terms, cursors over their postings.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/mapped_file.h"
#include "retrieve/lexical/posting_list.h"
#include "retrieve/lexical/segment_format.h"

namespace narabi::retrieve {

// Where a term's list lies. `limit` is the end of the section: no read goes past it.
struct ListView {
  const std::uint8_t* begin = nullptr;
  const std::uint8_t* limit = nullptr;
  std::uint32_t documents = 0;
};

// Immutable; safe to share between threads. Opening reads the header alone. What a flipped byte
// could do to offsets and widths is checked where it is read: InvalidFormat, never a read outside.
class Segment {
 public:
  // Throws IoError when the file is missing and InvalidFormat when its header or size is not what
  // it has to be.
  explicit Segment(const std::string& path);

  const SegmentHeader& header() const { return *header_; }
  const std::string& path() const { return file_.path(); }
  std::uint32_t documents() const { return static_cast<std::uint32_t>(header_->documents); }
  std::span<const std::uint32_t> numbers() const { return numbers_; }
  std::span<const std::uint16_t> lengths(int field) const {
    return lengths_.subspan(static_cast<std::size_t>(field) * documents(), documents());
  }
  // The lists of many terms at once; their reads of the table of terms, each a cache miss, overlap.
  std::vector<std::optional<ListView>> find(std::span<const std::string_view> terms) const;

  std::size_t terms() const { return static_cast<std::size_t>(header_->terms); }
  std::string_view term(std::size_t index) const;
  ListView list(std::size_t index) const;

  // XXH3 of what follows the header: reads the whole file.
  std::uint64_t checksum() const;
  [[noreturn]] void damaged(const std::string& what) const;

 private:
  template <typename T>
  std::span<const T> section(std::uint64_t at, std::uint64_t count, const char* name) const;

  base::MappedFile file_;
  const SegmentHeader* header_ = nullptr;
  std::span<const std::uint32_t> numbers_;
  std::span<const std::uint16_t> lengths_;
  std::span<const TermEntry> entries_;
  std::string_view texts_;
};

// Moves through one list, a block at a time, forward.
class PostingsCursor {
 public:
  PostingsCursor(const Segment& segment, const ListView& list);

  std::uint32_t documents() const { return list_.documents; }
  std::uint8_t list_bound() const { return list_bound_; }

  // To the first block whose last document is >= `document`; false when there is none. Decodes
  // nothing.
  bool seek_block(std::uint32_t document);
  // The largest bound of the blocks from the current one that may hold documents < `end`.
  std::uint8_t bound_until(std::uint32_t end) const;
  bool at_end() const { return block_ == blocks_; }
  std::uint32_t block_last() const { return last(block_); }
  void next_block() { ++block_; }

  // Of the current block: ascending documents, and frequencies as far as count() goes.
  const std::uint32_t* block_documents();
  const std::uint32_t* block_frequencies();
  std::uint32_t count() const { return count_; }

  // The frequency in `document`, 0 when it is not there. Documents must ascend from call to call.
  std::uint32_t frequency_in(std::uint32_t document);

 private:
  std::uint32_t last(std::uint32_t block) const;
  std::uint32_t first_possible() const;  // no document of the current block is smaller
  void decode();
  void decode_varints(const std::uint8_t* at, const std::uint8_t* end);

  static constexpr std::uint32_t kNone = ~0u;
  const Segment* segment_;
  ListView list_;
  std::uint8_t list_bound_ = 0;
  const std::uint8_t* lasts_ = nullptr;  // null: one block of varints without a table
  const std::uint8_t* ends_ = nullptr;
  const std::uint8_t* bounds_ = nullptr;
  const std::uint8_t* data_ = nullptr;
  std::uint32_t blocks_ = 0, block_ = 0, decoded_ = kNone, count_ = 0;
  std::uint32_t only_last_ = 0;                       // of a list without a table
  const std::uint8_t* packed_frequencies_ = nullptr;  // not decoded yet
  int frequency_bits_ = 0;
  std::uint32_t position_ = 0;  // of frequency_in in the decoded block
  alignas(64) std::uint32_t documents_[128];
  alignas(64) std::uint32_t frequencies_[128];
};

// A segment's terms for a merge: documents move to new positions, or nowhere.
class SegmentTerms : public TermSource {
 public:
  static constexpr std::uint32_t kDropped = ~0u;
  // new_positions[document], ascending where not kDropped; has to outlive this.
  SegmentTerms(const Segment& segment, std::span<const std::uint32_t> new_positions)
      : segment_(segment), new_positions_(new_positions) {}
  bool next() override { return next_++ < segment_.terms(); }
  std::string_view term() const override { return segment_.term(next_ - 1); }
  void append(PostingList& list) const override;

 private:
  const Segment& segment_;
  std::span<const std::uint32_t> new_positions_;
  std::size_t next_ = 0;
};

}  // namespace narabi::retrieve
