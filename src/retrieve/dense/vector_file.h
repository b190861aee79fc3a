// The vectors of a batch of documents: an immutable, mapped file.
//
// Bytes, little-endian: magic "NARABIVC", u32 version, u32 dimension, u64 documents, u64 XXH3 of
// the header before it, zeros up to 64; f32[documents][dimension]; u32[documents], the documents'
// numbers, ascending.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "retrieve/lexical/segment_writer.h"

namespace narabi::retrieve {

class VectorFile {
 public:
  explicit VectorFile(
      const std::string& path);  // throws InvalidFormat when damaged, IoError when gone

  int dimension() const { return dimension_; }
  std::span<const std::uint32_t> numbers() const { return numbers_; }
  const float* row(std::size_t index) const {
    return vectors_ + index * static_cast<std::size_t>(dimension_);
  }
  const float* find(std::uint32_t number) const;  // null when it is not here
  const std::string& path() const { return file_.path(); }
  std::uint64_t bytes() const { return file_.bytes().size(); }
  std::uint64_t checksum() const;  // XXH3 of what follows the header

 private:
  base::MappedFile file_;
  int dimension_ = 0;
  const float* vectors_ = nullptr;
  std::span<const std::uint32_t> numbers_;
};

// vectors: numbers.size() x dimension. Synced and renamed when it returns.
WrittenFile write_vectors(const std::string& path, int dimension,
                          const std::vector<std::uint32_t>& numbers,
                          const std::vector<const float*>& rows);

}  // namespace narabi::retrieve
