#include "kernels/packed_weight.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

#include "kernels/bf16.h"

namespace narabi::kernels {
namespace {

constexpr std::align_val_t kAlignment{64};

// One allocation: the data, then bias, scale and compensation.
struct Storage {
  std::byte* data;
  float *bias, *scale, *compensation;
  std::shared_ptr<const void> owner;
};

Storage allocate(std::size_t data_bytes, std::size_t out) {
  const std::size_t bytes = data_bytes + 3 * out * sizeof(float);
  auto* memory = static_cast<std::byte*>(::operator new(bytes, kAlignment));
  std::memset(memory, 0, bytes);
  auto* floats = reinterpret_cast<float*>(memory + data_bytes);
  return {memory, floats, floats + out, floats + 2 * out,
          std::shared_ptr<const void>(memory, [](const void* p) {
            ::operator delete(const_cast<void*>(p), kAlignment);
          })};
}

// Where value (input k, column n) of a packed matrix lies, in bytes.
std::size_t place(std::size_t k, std::size_t n, std::size_t in, std::size_t size) {
  const std::size_t per_group = 4 / size, groups = in / per_group;
  const std::size_t block = n / kBlockColumns, lane = n % kBlockColumns;
  return ((block * groups + k / per_group) * kBlockColumns + lane) * 4 + k % per_group * size;
}

struct Column {
  const float* row;  // of the source
  const std::vector<std::ptrdiff_t>& inputs;
  float at(std::size_t k) const { return inputs[k] == kNothing ? 0.0f : row[inputs[k]]; }
};

void put_int8(const Column& column, std::size_t n, std::size_t in, Storage& storage) {
  float largest = 0;
  for (std::size_t k = 0; k < in; ++k) largest = std::max(largest, std::abs(column.at(k)));
  const float scale = largest > 0 ? largest / 127.0f : 1.0f;
  int total = 0;
  for (std::size_t k = 0; k < in; ++k) {
    const int q = std::clamp(static_cast<int>(std::nearbyint(column.at(k) / scale)), -127, 127);
    const auto byte = static_cast<std::int8_t>(q);
    std::memcpy(storage.data + place(k, n, in, 1), &byte, 1);
    total += q;
  }
  storage.scale[n] = scale;
  storage.compensation[n] = scale * static_cast<float>(total);
}

void put(Operand operand, const Column& column, std::size_t n, std::size_t in, Storage& storage) {
  if (operand == Operand::kInt8) return put_int8(column, n, in, storage);
  for (std::size_t k = 0; k < in; ++k) {
    const float value = column.at(k);
    if (operand == Operand::kF32) {
      std::memcpy(storage.data + place(k, n, in, 4), &value, 4);
    } else {
      const Bf16 half = to_bf16(value);
      std::memcpy(storage.data + place(k, n, in, 2), &half, 2);
    }
  }
}

}  // namespace

std::vector<std::ptrdiff_t> in_order(std::size_t count) {
  std::vector<std::ptrdiff_t> order(padded_width(count), kNothing);
  for (std::size_t i = 0; i < count; ++i) order[i] = static_cast<std::ptrdiff_t>(i);
  return order;
}

PackedWeight pack(Operand operand, std::span<const float> weight, std::span<const float> bias,
                  std::size_t in, const PackOrder& order) {
  PackedWeight packed;
  packed.operand = operand;
  packed.in = order.inputs.size();
  packed.out = order.outputs.size();
  Storage storage = allocate(packed.data_bytes(), packed.out);
  for (std::size_t n = 0; n < packed.out; ++n) {
    if (order.outputs[n] == kNothing) {
      storage.scale[n] = 1;
      continue;
    }
    const auto row = static_cast<std::size_t>(order.outputs[n]);
    put(operand, {weight.data() + row * in, order.inputs}, n, packed.in, storage);
    if (!bias.empty()) storage.bias[n] = bias[row];
  }
  packed.data = storage.data;
  packed.bias = storage.bias;
  packed.scale = storage.scale;
  packed.compensation = storage.compensation;
  packed.owner = storage.owner;
  return packed;
}

}  // namespace narabi::kernels
