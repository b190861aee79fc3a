#include "retrieve/lexical/segment_writer.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "narabi/error.h"

namespace narabi::retrieve {
namespace {

constexpr std::uint64_t kAlignment = 64;
constexpr std::size_t kLengths = 65536;

void append_varint(std::vector<std::uint8_t>& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

void put_u32(std::vector<std::uint8_t>& out, std::size_t at, std::uint32_t value) {
  std::memcpy(out.data() + at, &value, sizeof value);
}

}  // namespace

struct SegmentWriter::Hash {
  XXH3_state_t state;
};

SegmentWriter::SegmentWriter(const std::string& path, SegmentDocuments documents,
                             const Bm25Parameters& bm25,
                             const std::array<double, kFields>& average_length)
    : file_(path), documents_(std::move(documents)), bm25_(bm25), hash_(std::make_unique<Hash>()) {
  XXH3_64bits_reset(&hash_->state);
  std::memcpy(header_.magic, kSegmentMagic, sizeof kSegmentMagic);
  header_.version = kSegmentVersion;
  header_.fields = kFields;
  header_.documents = documents_.numbers.size();
  header_.k1 = bm25.k1;
  header_.b = bm25.b;
  for (int field = 0; field < kFields; ++field) {
    header_.total_length[field] = documents_.total_length[field];
    header_.average_length[field] = average_length[field];
    norms_[field].resize(kLengths);
    for (std::size_t length = 0; length < kLengths; ++length) {
      norms_[field][length] = static_cast<float>(
          bm25.k1 * (1 - bm25.b + bm25.b * static_cast<double>(length) / average_length[field]));
    }
  }
  file_.write(std::string(sizeof header_, '\0'));
  at_ = sizeof header_;
  header_.postings_at = begin_section();
}

SegmentWriter::~SegmentWriter() = default;

void SegmentWriter::write(const void* bytes, std::size_t count) {
  XXH3_64bits_update(&hash_->state, bytes, count);
  file_.write({static_cast<const char*>(bytes), count});
  at_ += count;
}

std::uint64_t SegmentWriter::begin_section() {
  static constexpr char kZeros[kAlignment] = {};
  write(kZeros, (kAlignment - at_ % kAlignment) % kAlignment);
  return at_;
}

std::uint8_t SegmentWriter::bound(const PostingList& list, int field, std::size_t begin,
                                  std::size_t end) const {
  const std::uint16_t* lengths = documents_.lengths[field].data();
  const float* norms = norms_[field].data();
  float largest = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const auto tf = static_cast<float>(list.frequencies[i]);
    largest = std::max(largest, tf / (tf + norms[lengths[list.documents[i]]]));
  }
  return bound_byte(bm25_, static_cast<double>(largest) * (bm25_.k1 + 1));
}

void SegmentWriter::append_varints(const PostingList& list, std::size_t begin, std::size_t end,
                                   std::uint32_t before) {
  for (std::size_t i = begin; i < end; ++i) {
    const std::uint64_t gap = list.documents[i] - before - 1;
    const std::uint32_t tf = list.frequencies[i];
    append_varint(data_, gap << 1 | (tf > 1 ? 1 : 0));
    if (tf > 1) append_varint(data_, tf - 2);
    before = list.documents[i];
  }
}

void SegmentWriter::append_block(const PostingList& list, std::size_t begin, std::uint32_t before) {
  std::uint32_t gaps[kBlock], frequencies[kBlock];
  for (std::size_t i = 0; i < kBlock; ++i) {
    gaps[i] = list.documents[begin + i] - before - 1;
    frequencies[i] = list.frequencies[begin + i] - 1;
    before = list.documents[begin + i];
  }
  const int gap_bits = kernels::bits_needed(gaps),
            frequency_bits = kernels::bits_needed(frequencies);
  const std::size_t at = data_.size();
  data_.resize(at + 2 + kernels::packed_bytes(gap_bits) + kernels::packed_bytes(frequency_bits));
  data_[at] = static_cast<std::uint8_t>(gap_bits);
  data_[at + 1] = static_cast<std::uint8_t>(frequency_bits);
  kernels::pack(gaps, gap_bits, data_.data() + at + 2);
  kernels::pack(frequencies, frequency_bits,
                data_.data() + at + 2 + kernels::packed_bytes(gap_bits));
}

void SegmentWriter::add(std::string_view term, const PostingList& list) {
  const std::size_t count = list.documents.size();
  const int field = term[0] == kFieldLetter[kWords] ? kWords : kGrams;
  entries_.push_back({at_ - header_.postings_at, static_cast<std::uint32_t>(texts_.size()),
                      static_cast<std::uint32_t>(count)});
  texts_ += term;
  header_.postings += count;
  data_.assign(1, bound(list, field, 0, count));
  if (count < kBlock) {
    append_varints(list, 0, count, ~0u);
  } else {
    const std::size_t blocks = (count + kBlock - 1) / kBlock;
    const std::size_t lasts = 1, ends = lasts + 4 * blocks, bounds = ends + 4 * blocks;
    const std::size_t first = bounds + blocks;
    data_.resize(first);
    std::uint32_t before = ~0u;
    for (std::size_t block = 0; block < blocks; ++block) {
      const std::size_t begin = block * kBlock, end = std::min(count, begin + kBlock);
      if (end - begin == kBlock) {
        append_block(list, begin, before);
      } else {
        append_varints(list, begin, end, before);
      }
      before = list.documents[end - 1];
      put_u32(data_, lasts + 4 * block, before);
      put_u32(data_, ends + 4 * block, static_cast<std::uint32_t>(data_.size() - first));
      data_[bounds + block] = bound(list, field, begin, end);
    }
  }
  write(data_.data(), data_.size());
}

WrittenFile SegmentWriter::finish() {
  header_.terms = entries_.size();
  entries_.push_back({at_ - header_.postings_at, static_cast<std::uint32_t>(texts_.size()), 0});
  header_.entries_at = begin_section();
  write(entries_.data(), entries_.size() * sizeof(TermEntry));
  header_.texts_at = begin_section();
  write(texts_.data(), texts_.size());
  header_.numbers_at = begin_section();
  write(documents_.numbers.data(), documents_.numbers.size() * sizeof(std::uint32_t));
  header_.lengths_at = begin_section();
  for (const auto& lengths : documents_.lengths)
    write(lengths.data(), lengths.size() * sizeof(std::uint16_t));
  header_.file_bytes = at_;
  header_.checksum = XXH3_64bits(&header_, offsetof(SegmentHeader, checksum));
  file_.write_at(0, {reinterpret_cast<const char*>(&header_), sizeof header_});
  file_.commit();
  return {at_, XXH3_64bits_digest(&hash_->state)};
}

void merge_terms(const std::vector<std::unique_ptr<TermSource>>& sources, SegmentWriter& writer) {
  std::vector<TermSource*> open;
  for (const auto& source : sources) {
    if (source->next()) open.push_back(source.get());
  }
  PostingList list;
  std::string term;
  while (!open.empty()) {
    std::string_view least = open[0]->term();
    for (const TermSource* source : open) least = std::min(least, source->term());
    term = least;
    list.clear();
    std::size_t kept = 0;
    for (TermSource* source : open) {
      if (source->term() == term) {
        source->append(list);
        if (!source->next()) continue;
      }
      open[kept++] = source;
    }
    open.resize(kept);
    if (!list.documents.empty()) writer.add(term, list);
  }
}

}  // namespace narabi::retrieve
