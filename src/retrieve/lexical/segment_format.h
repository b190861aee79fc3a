// The bytes of a lexical segment; docs/index-format.md describes them in words.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/bit_packing.h"

namespace narabi::retrieve {

// Which terms: MeCab words, or characters and their pairs. A term's text starts with the field's
// letter.
enum Field : int { kWords = 0, kGrams = 1, kFields = 2 };
constexpr char kFieldLetter[kFields] = {'w', 'g'};

constexpr char kSegmentMagic[8] = {'N', 'A', 'R', 'A', 'B', 'I', 'L', 'X'};
constexpr std::uint32_t kSegmentVersion = 1;

// All integers little-endian. Offsets from the start of the file; sections start at multiples
// of 64.
struct SegmentHeader {
  char magic[8];
  std::uint32_t version;
  std::uint32_t fields;
  std::uint64_t file_bytes;
  std::uint64_t documents;
  std::uint64_t terms;
  std::uint64_t postings;
  std::uint64_t total_length[kFields];  // terms of all documents, titles times their weight
  double average_length[kFields];       // of the whole index, when the bounds were computed
  double k1, b;
  std::uint64_t numbers_at;   // u32[documents]: the documents' numbers in the store, ascending
  std::uint64_t lengths_at;   // u16[fields][documents], 65535 for all longer ones
  std::uint64_t entries_at;   // TermEntry[terms + 1], ordered by the terms' bytes
  std::uint64_t texts_at;     // the terms' bytes, one after the other
  std::uint64_t postings_at;  // the lists
  std::uint64_t checksum;     // XXH3 of all bytes before it
};

struct TermEntry {
  std::uint64_t list;       // offset in the postings section
  std::uint32_t text;       // offset in the texts section
  std::uint32_t documents;  // that hold the term; 0 in the last entry, which only ends the texts
};

static_assert(sizeof(SegmentHeader) == 144 && sizeof(TermEntry) == 16);

constexpr std::size_t kBlock = kernels::kValuesOfBlock;

// A list of n < 128 postings: u8 bound, then a varint pair per posting. A longer one: u8 bound of
// the list, u32 last document of each block, u32 end of each block's bytes (from the first
// block's), u8 bound of each block, then the blocks. A full block: u8 width of gaps, u8 width of
// frequencies, the packed gaps and the packed frequencies - 1. The rest after the last full block
// is one more block of varint pairs. Varint pair: (gap - 1) x 2 + (1 if another varint, frequency -
// 2, follows). Bound: the largest tf (k1 + 1) / (tf + k1 (1 - b + b length / average)), in 1/255 of
// k1 + 1, rounded up.

template <typename T>
T load_as(const std::uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace narabi::retrieve
