#include "models/packed_tensors.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <set>

#include "base/atomic_file.h"
#include "narabi/error.h"

namespace narabi::models {
namespace {

using checkpoint::DType;
using checkpoint::TensorSpec;
using checkpoint::TensorView;
using kernels::PackedWeight;

constexpr const char* kScales = ".scales";
constexpr std::size_t kAlignment = 64;
constexpr float kLargestHalf = 65504.0f;

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

void expect_shape(const checkpoint::TensorTable& tensors, const std::string& name,
                  const TensorView* tensor, DType dtype, std::int64_t rows, std::int64_t columns) {
  const std::vector<std::int64_t> shape = {rows, columns};
  if (tensor && tensor->dtype == dtype && tensor->shape == shape &&
      reinterpret_cast<std::uintptr_t>(tensor->data.data()) % alignof(float) == 0) {
    return;
  }
  throw InvalidFormat(tensors.where(name) + ": expected " + checkpoint::name_of(dtype) + " [" +
                      std::to_string(rows) + ", " + std::to_string(columns) +
                      "] at a multiple of 4 bytes, found " + (tensor ? "another one" : "none"));
}

// To nearest, ties to even; |x| <= kLargestHalf.
std::uint16_t to_half(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
  const int exponent = static_cast<int>(bits >> 23 & 0xFFu) - 112;
  if (exponent <= 0)  // a multiple of 2^-24
    return static_cast<std::uint16_t>(sign |
                                      static_cast<int>(std::nearbyint(std::abs(x) * 0x1p24f)));
  std::uint32_t half = static_cast<std::uint32_t>(exponent) << 10 | (bits >> 13 & 0x3FFu);
  const std::uint32_t rest = bits & 0x1FFFu;
  if (rest > 0x1000u || (rest == 0x1000u && (half & 1u))) ++half;
  return static_cast<std::uint16_t>(sign | half);
}

struct Entry {
  std::string name, dtype;
  std::vector<std::int64_t> shape;
  std::string bytes;
};

std::string bytes_at(const void* data, std::size_t count) {
  return {static_cast<const char*>(data), count};
}

Entry float_entry(const TensorView& tensor) {
  const bool matrix = tensor.shape.size() == 2;
  if (matrix && tensor.dtype == DType::kF32) {
    const std::vector<float> values = checkpoint::to_f32(tensor, tensor.name);
    std::string halves;
    halves.reserve(values.size() * 2);
    for (const float value : values) {
      if (std::abs(value) >= kLargestHalf) {
        halves.clear();
        break;
      }
      const std::uint16_t half = to_half(value);
      halves.append(reinterpret_cast<const char*>(&half), sizeof half);
    }
    if (!halves.empty()) return {tensor.name, "F16", tensor.shape, std::move(halves)};
  }
  const char* dtype = tensor.dtype == DType::kF32   ? "F32"
                      : tensor.dtype == DType::kF16 ? "F16"
                                                    : "BF16";
  return {tensor.name, dtype, tensor.shape, bytes_at(tensor.data.data(), tensor.data.size())};
}

std::string header_of(const std::vector<Entry>& entries) {
  std::string header = "{";
  std::size_t offset = 0;
  for (const Entry& entry : entries) {
    header += (header.size() > 1 ? ",\"" : "\"") + entry.name + "\":{\"dtype\":\"" + entry.dtype +
              "\",\"shape\":[";
    for (std::size_t i = 0; i < entry.shape.size(); ++i)
      header += (i > 0 ? "," : "") + std::to_string(entry.shape[i]);
    header += "],\"data_offsets\":[" + std::to_string(offset) + "," +
              std::to_string(offset + entry.bytes.size()) + "]}";
    offset += entry.bytes.size();
  }
  header += "}";
  while ((header.size() + sizeof(std::uint64_t)) % kAlignment != 0) header += ' ';
  return header;
}

}  // namespace

std::string packed_key(const std::string& name, const std::string& part) {
  return kPackedPrefix + name + (part.empty() ? "" : ".part." + part);
}

std::optional<PackedWeight> find_packed(const checkpoint::TensorTable& tensors,
                                        const std::string& key, const kernels::PackOrder& order) {
  const TensorView* data = tensors.extra(key);
  if (data == nullptr) return std::nullopt;
  const TensorView* scales = tensors.extra(key + kScales);
  const auto out = static_cast<std::int64_t>(order.outputs.size());
  expect_shape(tensors, key, data, DType::kI8, out, static_cast<std::int64_t>(order.inputs.size()));
  expect_shape(tensors, key + kScales, scales, DType::kF32, 3, out);
  const auto* floats = reinterpret_cast<const float*>(scales->data.data());
  checkpoint::check_finite({floats, 3 * order.outputs.size()}, tensors.where(key + kScales));
  PackedWeight weight;
  weight.operand = kernels::Operand::kInt8;
  weight.in = order.inputs.size();
  weight.out = order.outputs.size();
  weight.data = data->data.data();
  weight.bias = floats;
  weight.scale = floats + weight.out;
  weight.compensation = floats + 2 * weight.out;
  return weight;
}

std::vector<TensorSpec> without_packed(const checkpoint::ModelFolder& folder,
                                       std::vector<TensorSpec> specs) {
  const std::set<std::string> layers = packed_layers(folder);
  std::erase_if(specs,
                [&](const TensorSpec& spec) { return layers.contains(layer_of(spec.name)); });
  return specs;
}

void write_packed(const std::string& path, const std::vector<NamedWeight>& weights,
                  const checkpoint::ModelFolder& folder, const std::vector<TensorSpec>& specs) {
  std::vector<Entry> entries;
  for (const auto& [key, weight] : weights) {
    const auto out = static_cast<std::int64_t>(weight.out);
    entries.push_back({key,
                       "I8",
                       {out, static_cast<std::int64_t>(weight.in)},
                       bytes_at(weight.data, weight.data_bytes())});
    std::string scales;
    for (const float* values : {weight.bias, weight.scale, weight.compensation})
      scales += bytes_at(values, weight.out * sizeof(float));
    entries.push_back({key + kScales, "F32", {3, out}, std::move(scales)});
  }
  for (const TensorSpec& spec : specs) entries.push_back(float_entry(*folder.find(spec.name)));
  const std::string header = header_of(entries);
  const auto length = static_cast<std::uint64_t>(header.size());
  base::AtomicFile file(path);
  file.write({reinterpret_cast<const char*>(&length), sizeof length});
  file.write(header);
  for (const Entry& entry : entries) file.write(entry.bytes);
  file.commit();
}

}  // namespace narabi::models
