#include "models/embedding_table.h"

#include <algorithm>
#include <vector>

#include "models/packed_tensors.h"
#include "narabi/error.h"

namespace narabi::models {
namespace {

using checkpoint::DType;

// The exponent bits of a value that is NaN or infinite are all ones; two bytes of it tell.
std::uint16_t exponent_mask(DType dtype) {
  return dtype == DType::kF16 ? 0x7C00 : 0x7F80;
}

// Looks at the high half of every value only, without widening: the table is the largest tensor of
// a model.
bool all_finite(const checkpoint::TensorView& tensor) {
  const std::uint16_t mask = exponent_mask(tensor.dtype);
  const std::size_t step = checkpoint::size_of(tensor.dtype);
  const std::byte* high = tensor.data.data() + (step - 2);
  const auto count = static_cast<std::size_t>(tensor.elements());
  std::uint32_t special = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint16_t half;
    __builtin_memcpy(&half, high + i * step, sizeof half);
    special |= (half & mask) == mask;
  }
  return special == 0;
}

}  // namespace

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
  if (!all_finite(tensor))
    checkpoint::to_f32(tensor, tensors.where(spec.name));  // throws, with the place
}

void EmbeddingTable::copy(std::int32_t row, float* out) const {
  const std::byte* values =
      data_ + static_cast<std::size_t>(row) * width_ * checkpoint::size_of(dtype_);
  if (scales_ == nullptr) {
    checkpoint::widen(values, dtype_, width_, out);
    return;
  }
  const float scale = scales_[row];
  const auto* rounded = reinterpret_cast<const std::int8_t*>(values);
  for (std::size_t i = 0; i < width_; ++i) out[i] = scale * static_cast<float>(rounded[i]);
}

void EmbeddingTable::add(std::int32_t row, float* out) const {
  thread_local std::vector<float> values;
  values.resize(width_);
  copy(row, values.data());
  for (std::size_t i = 0; i < width_; ++i) out[i] += values[i];
}

}  // namespace narabi::models
