#include "models/encoder.h"

#include <cstring>
#include <new>

namespace narabi::models {

struct Workspace::Buffer {
  static constexpr std::align_val_t kAlignment{64};
  explicit Buffer(std::size_t count)
      : data(static_cast<std::byte*>(::operator new(count, kAlignment))), size(count) {
    std::memset(data, 0, count);
  }
  ~Buffer() { ::operator delete(data, kAlignment); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  std::byte* data;
  std::size_t size;
};

Workspace::Workspace() = default;
Workspace::~Workspace() = default;
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;

std::byte* Workspace::bytes(Slot slot, std::size_t count) {
  std::unique_ptr<Buffer>& buffer = buffers_[slot];
  if (!buffer || buffer->size < count) {
    buffer.reset();  // before the new one is there: no peak of both
    buffer = std::make_unique<Buffer>(count);
  }
  return buffer->data;
}

float* Workspace::floats(Slot slot, std::size_t count) {
  return reinterpret_cast<float*>(bytes(slot, count * sizeof(float)));
}

kernels::OperandRows Workspace::operand_rows(Slot slot, kernels::Operand operand, std::size_t rows,
                                             std::size_t width) {
  const std::size_t stride = width * kernels::bytes_of(operand);
  std::byte* data = bytes(slot, rows * (stride + 2 * sizeof(float)));
  auto* scales = reinterpret_cast<float*>(data + rows * stride);
  return {operand, data, stride, scales, scales + rows};
}

}  // namespace narabi::models
