#include "models/layer_weights.h"

#include "narabi/error.h"

namespace narabi::models {
namespace {

constexpr std::size_t kVector = 16;

std::ptrdiff_t row_or_nothing(std::size_t index, std::size_t count, std::size_t first) {
  return index < count ? static_cast<std::ptrdiff_t>(first + index) : kernels::kNothing;
}

std::vector<float> padded(std::vector<float> values) {
  values.resize(kernels::padded_width(values.size()));
  return values;
}

}  // namespace

std::size_t LayerShape::head_width() const {
  if (rotary) return 2 * half_width();
  return vectors ? kernels::padded_width(head_size()) : head_size();
}

LayerNormWeights WeightLoader::norm(const std::string& name) const {
  std::vector<float> weight = tensors_->f32(name + ".weight");
  const std::size_t width = weight.size();
  return {padded(std::move(weight)), padded(tensors_->f32(name + ".bias")), width};
}

std::string group_of(const std::string& name) {
  for (const char* one : {".self.query", ".self.key", ".self.value"}) {
    if (name.ends_with(one)) return name.substr(0, name.rfind('.'));
  }
  return name;
}

AttentionWeights WeightLoader::checked(AttentionWeights weights, const std::string& name) const {
  if (weights.key.operand != weights.query.operand ||
      weights.value.operand != weights.query.operand) {
    throw InvalidFormat(tensors_->where(packed_key(name, "")) +
                        ": expected query, key and value in the same precision, found two");
  }
  return weights;
}

kernels::Operand WeightLoader::operand_of(const std::string& name) const {
  const auto other = operands_.others.find(group_of(name));
  return other == operands_.others.end() ? operands_.most : other->second;
}

kernels::PackedWeight WeightLoader::linear(const std::string& name, const kernels::PackOrder& order,
                                           const std::string& part) const {
  const std::string key = packed_key(name, part);
  if (operands_.most == kernels::Operand::kInt8) {
    if (auto found = find_packed(*tensors_, key, order)) return *found;
  }
  if (!tensors_->has(name + ".weight"))
    throw InvalidFormat(tensors_->where(key) + ": expected packed int8 weights, found none");
  const auto in = static_cast<std::size_t>(tensors_->at(name + ".weight").shape[1]);
  kernels::PackedWeight packed = kernels::pack(operand_of(name), tensors_->f32(name + ".weight"),
                                               tensors_->f32(name + ".bias"), in, order);
  if (recorded_) recorded_->push_back({key, group_of(name), packed});
  return packed;
}

std::vector<std::ptrdiff_t> query_order(const LayerShape& shape, std::size_t first) {
  if (!shape.rotary) return value_order(shape, first);
  const std::size_t half = shape.head_size() / 2;
  std::vector<std::ptrdiff_t> order;
  for (std::size_t h = 0; h < shape.heads; ++h) {
    const std::size_t begin = first + h * shape.head_size();
    for (std::size_t i = 0; i < shape.half_width(); i += kVector) {
      for (const std::size_t start : {begin, begin + half}) {
        for (std::size_t lane = 0; lane < kVector; ++lane)
          order.push_back(row_or_nothing(i + lane, half, start));
      }
    }
  }
  return order;
}

std::vector<std::ptrdiff_t> value_order(const LayerShape& shape, std::size_t first) {
  std::vector<std::ptrdiff_t> order;
  for (std::size_t h = 0; h < shape.heads; ++h) {
    for (std::size_t i = 0; i < shape.head_width(); ++i)
      order.push_back(row_or_nothing(i, shape.head_size(), first + h * shape.head_size()));
  }
  order.resize(shape.attention_width(), kernels::kNothing);
  return order;
}

std::vector<std::ptrdiff_t> gate_order(const LayerShape& shape) {
  std::vector<std::ptrdiff_t> order;
  for (std::size_t i = 0; i < shape.inner_width(); i += kVector) {
    for (const std::size_t first : {std::size_t{0}, shape.intermediate}) {
      for (std::size_t lane = 0; lane < kVector; ++lane)
        order.push_back(row_or_nothing(i + lane, shape.intermediate, first));
    }
  }
  return order;
}

}  // namespace narabi::models
