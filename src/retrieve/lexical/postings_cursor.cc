#include <algorithm>

#include "retrieve/lexical/segment.h"

namespace narabi::retrieve {
namespace {

// False at a varint that does not end before `end` or is longer than 64 bits.
bool read_varint(const std::uint8_t*& at, const std::uint8_t* end, std::uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (at == end) return false;
    const std::uint8_t byte = *at++;
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

}  // namespace

PostingsCursor::PostingsCursor(const Segment& segment, const ListView& list)
    : segment_(&segment), list_(list), list_bound_(*list.begin) {
  if (list_.documents < kBlock) {
    blocks_ = 1;
    data_ = list_.begin + 1;
    decode();
    only_last_ = documents_[count_ - 1];
    return;
  }
  blocks_ = static_cast<std::uint32_t>((list_.documents + kBlock - 1) / kBlock);
  if (static_cast<std::size_t>(list_.limit - list_.begin) < 1 + 9ull * blocks_)
    segment_->damaged("a list's table lies outside");
  lasts_ = list_.begin + 1;
  ends_ = lasts_ + 4ull * blocks_;
  bounds_ = ends_ + 4ull * blocks_;
  data_ = bounds_ + blocks_;
}

std::uint32_t PostingsCursor::last(std::uint32_t block) const {
  return lasts_ ? load_as<std::uint32_t>(lasts_ + 4ull * block) : only_last_;
}

std::uint32_t PostingsCursor::first_possible() const {
  if (!lasts_) return documents_[0];
  return block_ ? last(block_ - 1) + 1 : 0;
}

bool PostingsCursor::seek_block(std::uint32_t document) {
  if (block_ == blocks_ || last(block_) >= document) return block_ != blocks_;
  std::uint32_t step = 1;
  while (block_ + step < blocks_ && last(block_ + step) < document) {
    block_ += step;
    step *= 2;
  }
  std::uint32_t low = block_ + 1, high = std::min(blocks_, block_ + step);
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (last(middle) < document) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  block_ = low;
  return block_ != blocks_;
}

std::uint8_t PostingsCursor::bound_until(std::uint32_t end) const {
  if (at_end() || first_possible() >= end) return 0;
  if (!bounds_) return list_bound_;
  std::uint8_t largest = 0;
  for (std::uint32_t block = block_; block < blocks_; ++block) {
    largest = std::max(largest, bounds_[block]);
    if (last(block) >= end - 1) break;
  }
  return largest;
}

void PostingsCursor::decode() {
  position_ = 0;
  decoded_ = block_;
  packed_frequencies_ = nullptr;
  if (!lasts_) return decode_varints(data_, list_.limit);
  const std::uint32_t begin = block_ ? load_as<std::uint32_t>(ends_ + 4ull * (block_ - 1)) : 0;
  const std::uint32_t end = load_as<std::uint32_t>(ends_ + 4ull * block_);
  if (begin > end || end > static_cast<std::size_t>(list_.limit - data_))
    segment_->damaged("a block lies outside");
  const std::uint8_t* at = data_ + begin;
  if ((block_ + 1ull) * kBlock > list_.documents) return decode_varints(at, data_ + end);
  if (end - begin < 2 || at[0] > 32 || at[1] > 32 ||
      end - begin != 2 + kernels::packed_bytes(at[0]) + kernels::packed_bytes(at[1])) {
    segment_->damaged("a block's widths and its size differ");
  }
  kernels::block_unpack().gaps(at + 2, at[0], block_ ? last(block_ - 1) : ~0u, documents_);
  packed_frequencies_ = at + 2 + kernels::packed_bytes(at[0]);
  frequency_bits_ = at[1];
  count_ = kBlock;
}

void PostingsCursor::decode_varints(const std::uint8_t* at, const std::uint8_t* end) {
  count_ = static_cast<std::uint32_t>(list_.documents - std::uint64_t{block_} * kBlock);
  std::uint32_t document = block_ ? last(block_ - 1) : ~0u;
  for (std::uint32_t i = 0; i < count_; ++i) {
    std::uint64_t gap = 0, more = 0;
    if (!read_varint(at, end, gap) || ((gap & 1) && !read_varint(at, end, more)))
      segment_->damaged("a list ends too early");
    document += static_cast<std::uint32_t>(gap >> 1) + 1;
    documents_[i] = document;
    frequencies_[i] = gap & 1 ? static_cast<std::uint32_t>(more) + 2 : 1;
  }
}

const std::uint32_t* PostingsCursor::block_documents() {
  if (decoded_ != block_) decode();
  return documents_;
}

const std::uint32_t* PostingsCursor::block_frequencies() {
  if (decoded_ != block_) decode();
  if (packed_frequencies_) {
    kernels::block_unpack().plus_one(packed_frequencies_, frequency_bits_, frequencies_);
    packed_frequencies_ = nullptr;
  }
  return frequencies_;
}

std::uint32_t PostingsCursor::frequency_in(std::uint32_t document) {
  if (!seek_block(document)) return 0;
  const std::uint32_t* documents = block_documents();
  position_ = static_cast<std::uint32_t>(
      std::lower_bound(documents + position_, documents + count_, document) - documents);
  if (position_ == count_ || documents[position_] != document) return 0;
  if (!packed_frequencies_) return frequencies_[position_];
  return kernels::unpack_one(packed_frequencies_, frequency_bits_, position_) + 1;
}

}  // namespace narabi::retrieve
