#include "models/packed_tensors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <deque>
#include <set>

#include "checkpoint/safetensors_writer.h"
#include "narabi/error.h"

namespace narabi::models {
namespace {

using checkpoint::DType;
using checkpoint::TensorSpec;
using checkpoint::TensorView;
using kernels::PackedWeight;

constexpr const char* kScales = ".scales";
constexpr std::size_t kAlignment = 64;  // of a GEMM's operand

// "NAME" of "NAME.weight" or "NAME.bias".
std::string layer_of(const std::string& tensor) {
  return tensor.substr(0, tensor.rfind('.'));
}

// The layers that packed tensors of the folder belong to.
std::set<std::string> packed_layers(const checkpoint::ModelFolder& folder) {
  std::set<std::string> layers;
  for (const std::string& tensor : folder.tensor_names()) {
    if (!tensor.starts_with(kPackedPrefix) || tensor.ends_with(kScales)) continue;
    std::string layer = tensor.substr(std::strlen(kPackedPrefix));
    for (const char* part : {".part.query", ".part.key", ".part.value"}) {
      if (layer.ends_with(part)) layer.resize(layer.size() - std::strlen(part));
    }
    layers.insert(layer);
  }
  return layers;
}

std::string described(DType dtype, const std::vector<std::int64_t>& shape) {
  std::string text = checkpoint::short_name_of(dtype) + " [";
  for (std::size_t i = 0; i < shape.size(); ++i)
    text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

struct Expected {
  DType dtype;
  std::vector<std::int64_t> shape;
  std::size_t alignment;
};

const std::byte* checked(const checkpoint::TensorTable& tensors, const std::string& name,
                         const Expected& expected) {
  const TensorView* tensor = tensors.extra(name);
  const std::string wanted = described(expected.dtype, expected.shape);
  if (tensor == nullptr)
    throw InvalidFormat(tensors.where(name) + ": expected " + wanted + ", found none");
  if (tensor->dtype != expected.dtype || tensor->shape != expected.shape) {
    throw InvalidFormat(tensors.where(name) + ": expected " + wanted + ", found " +
                        described(tensor->dtype, tensor->shape));
  }
  const std::byte* data = tensor->data.data();
  if (reinterpret_cast<std::uintptr_t>(data) % expected.alignment != 0) {
    throw InvalidFormat(tensors.where(name) + ": expected data at a multiple of " +
                        std::to_string(expected.alignment) + " bytes, found another place");
  }
  return data;
}

const float* checked_floats(const checkpoint::TensorTable& tensors, const std::string& name,
                            std::int64_t rows, std::int64_t columns) {
  const auto* floats = reinterpret_cast<const float*>(
      checked(tensors, name, {DType::kF32, {rows, columns}, alignof(float)}));
  checkpoint::check_finite({floats, static_cast<std::size_t>(rows * columns)}, tensors.where(name));
  return floats;
}

// A table as scale x int8, symmetric as the weights are.
struct RoundedRows {
  std::vector<std::int8_t> data;
  std::vector<std::uint16_t> scales;  // bf16
};

// The least bf16 that is not below `scale` >= 0: no value / scale is above 127.
std::uint16_t bf16_above(float scale) {
  const auto bits = std::bit_cast<std::uint32_t>(scale);
  return static_cast<std::uint16_t>((bits + 0xFFFFu) >> 16);
}

void round_group(std::span<const float> values, RoundedRows& rounded) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  rounded.scales.push_back(bf16_above(largest / 127.0f));
  const float scale = std::bit_cast<float>(static_cast<std::uint32_t>(rounded.scales.back()) << 16);
  for (const float value : values) {
    const float steps = scale > 0 ? std::nearbyint(value / scale) : 0.0f;
    rounded.data.push_back(static_cast<std::int8_t>(std::clamp(steps, -127.0f, 127.0f)));
  }
}

RoundedRows round_rows(const TensorView& table, const std::string& where) {
  const auto rows = static_cast<std::size_t>(table.shape[0]),
             width = static_cast<std::size_t>(table.shape[1]);
  RoundedRows rounded;
  rounded.data.reserve(rows * width);
  rounded.scales.reserve(rows * row_groups(width));
  std::vector<float> values(width);
  for (std::size_t r = 0; r < rows; ++r) {
    checkpoint::widen(table.data.data() + r * width * checkpoint::size_of(table.dtype), table.dtype,
                      width, values.data());
    checkpoint::check_finite(values, where);
    for (std::size_t i = 0; i < width; i += kRowGroup)
      round_group(std::span(values).subspan(i, std::min(kRowGroup, width - i)), rounded);
  }
  return rounded;
}

std::span<const std::byte> bytes_of(const std::vector<float>& values) {
  return std::as_bytes(std::span(values));
}

// Tensors to write and the memory that they borrow. Operands come first: each of them fills whole
// multiples of 64 bytes, so that all begin at one.
struct Draft {
  std::vector<checkpoint::TensorToWrite> tensors;
  std::deque<std::vector<float>> floats;

  void add_floats(const std::string& name, std::vector<std::int64_t> shape,
                  std::vector<float> values) {
    floats.push_back(std::move(values));
    tensors.push_back({name, DType::kF32, std::move(shape), bytes_of(floats.back())});
  }
};

DType dtype_of(kernels::Operand operand) {
  switch (operand) {
    case kernels::Operand::kF32:
      return DType::kF32;
    case kernels::Operand::kBf16:
      return DType::kBF16;
    case kernels::Operand::kInt8:
      break;
  }
  return DType::kI8;
}

kernels::Operand operand_of(DType dtype) {
  if (dtype == DType::kF32) return kernels::Operand::kF32;
  return dtype == DType::kBF16 ? kernels::Operand::kBf16 : kernels::Operand::kInt8;
}

void add_layers(const std::vector<NamedWeight>& weights, Draft& draft) {
  for (const auto& [key, group, weight] : weights) {
    draft.tensors.push_back(
        {key,
         dtype_of(weight.operand),
         {static_cast<std::int64_t>(weight.out), static_cast<std::int64_t>(weight.in)},
         {weight.data, weight.data_bytes()}});
  }
  for (const auto& [key, group, weight] : weights) {
    std::vector<float> scales(weight.bias, weight.bias + weight.out);
    for (const float* values : {weight.scale, weight.compensation}) {
      if (values) scales.insert(scales.end(), values, values + weight.out);
    }
    scales.resize(3 * weight.out);  // of bf16 and f32 only the bias is read
    draft.add_floats(key + kScales, {3, static_cast<std::int64_t>(weight.out)}, std::move(scales));
  }
}

}  // namespace

bool holds_packed(const checkpoint::ModelFolder& folder) {
  const std::vector<std::string> names = folder.tensor_names();
  return std::any_of(names.begin(), names.end(),
                     [](const std::string& name) { return name.starts_with(kPackedPrefix); });
}

std::string packed_key(const std::string& name, const std::string& part) {
  return kPackedPrefix + name + (part.empty() ? "" : ".part." + part);
}

std::optional<PackedWeight> find_packed(const checkpoint::TensorTable& tensors,
                                        const std::string& key, const kernels::PackOrder& order) {
  const TensorView* found = tensors.extra(key);
  if (found == nullptr) return std::nullopt;
  PackedWeight weight;
  weight.operand = operand_of(found->dtype);
  weight.in = order.inputs.size();
  weight.out = order.outputs.size();
  const auto in = static_cast<std::int64_t>(weight.in), out = static_cast<std::int64_t>(weight.out);
  weight.data = checked(tensors, key, {dtype_of(weight.operand), {out, in}, kAlignment});
  if (weight.operand != kernels::Operand::kInt8)
    checkpoint::require_finite(*found, tensors.where(key));
  weight.bias = checked_floats(tensors, key + kScales, 3, out);
  weight.scale = weight.bias + weight.out;
  weight.compensation = weight.bias + 2 * weight.out;
  return weight;
}

std::optional<PackedRows> find_packed_rows(const checkpoint::TensorTable& tensors,
                                           const TensorSpec& spec) {
  const std::string key = packed_key(layer_of(spec.name), "");
  if (tensors.extra(key) == nullptr) return std::nullopt;
  PackedRows rows;
  rows.data = checked(tensors, key, {DType::kI8, spec.shape, 1});
  const auto groups =
      static_cast<std::int64_t>(row_groups(static_cast<std::size_t>(spec.shape[1])));
  rows.scales = checked(tensors, key + kScales, {DType::kBF16, {spec.shape[0], groups}, 1});
  checkpoint::require_finite(*tensors.extra(key + kScales), tensors.where(key + kScales));
  return rows;
}

std::vector<TensorSpec> without_packed(const checkpoint::ModelFolder& folder,
                                       std::vector<TensorSpec> specs) {
  const std::set<std::string> layers = packed_layers(folder);
  std::erase_if(specs,
                [&](const TensorSpec& spec) { return layers.contains(layer_of(spec.name)); });
  return specs;
}

void write_packed(const std::string& path, const std::vector<NamedWeight>& weights,
                  const checkpoint::ModelFolder& folder, const std::string& vocabulary,
                  const std::vector<TensorSpec>& specs) {
  Draft draft;
  add_layers(weights, draft);
  for (const TensorSpec& spec : specs) {
    const std::string where = folder.path() + ": tensor " + spec.name;
    if (spec.name == vocabulary) continue;
    draft.add_floats(spec.name, spec.shape, checkpoint::to_f32(*folder.find(spec.name), where));
  }
  const TensorView& table = *folder.find(vocabulary);
  RoundedRows rows = round_rows(table, folder.path() + ": tensor " + vocabulary);
  const std::string key = packed_key(layer_of(vocabulary), "");
  const auto groups =
      static_cast<std::int64_t>(row_groups(static_cast<std::size_t>(table.shape[1])));
  draft.tensors.push_back({key + kScales,
                           DType::kBF16,
                           {table.shape[0], groups},
                           std::as_bytes(std::span(rows.scales))});
  draft.tensors.push_back({key, DType::kI8, table.shape, std::as_bytes(std::span(rows.data))});
  checkpoint::write_safetensors(path, draft.tensors, {{"format", "narabi-packed"}});
}

}  // namespace narabi::models
