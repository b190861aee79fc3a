// Rows of an embedding matrix, read where the file is mapped: a vocabulary of 250,000 x 384 stays
// on disk but for the rows that texts use.
#pragma once

#include <cstddef>
#include <cstdint>

#include "checkpoint/model_folder.h"

namespace narabi::models {

class EmbeddingTable {
 public:
  // spec: [rows, width]; the tensor of this name, or its packed form. Every value is checked to be
  // finite (throws InvalidFormat).
  EmbeddingTable(const checkpoint::TensorTable& tensors, const checkpoint::TensorSpec& spec);
  // out[i] = row[i], or += when `accumulate`.
  void copy(std::int32_t row, float* out) const;
  void add(std::int32_t row, float* out) const;
  std::size_t width() const { return width_; }

 private:
  const std::byte* data_;
  checkpoint::DType dtype_;
  std::size_t width_;
  const std::byte* scales_ = nullptr;  // of int8 rows, see packed_tensors.h
};

}  // namespace narabi::models
