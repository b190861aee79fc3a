// Rows of an embedding matrix, read where the file is mapped: a vocabulary of 250,000 x 384 stays
// on disk but for the rows that texts use.
#pragma once

#include <cstddef>
#include <cstdint>

#include "checkpoint/model_folder.h"

namespace narabi::models {

class EmbeddingTable {
 public:
  // tensor: [rows, width]. Every value is checked to be finite (throws InvalidFormat); in a folder
  // of packed weights not here but row by row, as they are used: the table stays on disk.
  EmbeddingTable(const checkpoint::TensorTable& tensors, const std::string& name);
  // out[i] = row[i], or += when `accumulate`.
  void copy(std::int32_t row, float* out) const;
  void add(std::int32_t row, float* out) const;
  std::size_t width() const { return width_; }

 private:
  const std::byte* data_;
  checkpoint::DType dtype_;
  std::size_t width_;
  std::string unchecked_;  // where the table lies, if its rows are checked as they are used
};

}  // namespace narabi::models
