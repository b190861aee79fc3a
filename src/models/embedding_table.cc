#include "models/embedding_table.h"

#include <algorithm>
#include <vector>

#include "models/packed_tensors.h"
#include "narabi/error.h"

namespace narabi::models {

using checkpoint::DType;

EmbeddingTable::EmbeddingTable(const checkpoint::TensorTable& tensors,
                               const checkpoint::TensorSpec& spec)
    : width_(static_cast<std::size_t>(spec.shape[1])) {
  if (const auto packed = find_packed_rows(tensors, spec)) {
    data_ = packed->data;
    scales_ = packed->scales;
    dtype_ = DType::kI8;
    return;
  }
  if (!tensors.has(spec.name))
    throw InvalidFormat(tensors.where(packed_key(spec.name, "")) + ": expected it, found none");
  const checkpoint::TensorView& tensor = tensors.at(spec.name);
  data_ = tensor.data.data();
  dtype_ = tensor.dtype;
  tensors.require_finite(spec.name);
}

void EmbeddingTable::copy(std::int32_t row, float* out) const {
  const std::byte* values =
      data_ + static_cast<std::size_t>(row) * width_ * checkpoint::size_of(dtype_);
  if (scales_ == nullptr) {
    checkpoint::widen(values, dtype_, width_, out);
    return;
  }
  const std::size_t groups = row_groups(width_);
  const auto* rounded = reinterpret_cast<const std::int8_t*>(values);
  for (std::size_t g = 0; g < groups; ++g) {
    float scale = 0;
    checkpoint::widen(
        scales_ + (static_cast<std::size_t>(row) * groups + g) * sizeof(std::uint16_t),
        DType::kBF16, 1, &scale);
    const std::size_t end = std::min(width_, (g + 1) * kRowGroup);
    for (std::size_t i = g * kRowGroup; i < end; ++i)
      out[i] = scale * static_cast<float>(rounded[i]);
  }
}

void EmbeddingTable::add(std::int32_t row, float* out) const {
  thread_local std::vector<float> values;
  values.resize(width_);
  copy(row, values.data());
  for (std::size_t i = 0; i < width_; ++i) out[i] += values[i];
}

}  // namespace narabi::models
