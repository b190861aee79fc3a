#include "checkpoint/rescale.h"

#include <vector>

#include "checkpoint/derived_folder.h"
#include "narabi/error.h"

namespace narabi::checkpoint {
namespace {

// Of the last layer, whose output is the logit.
std::string last_layer(const ModelFolder& model) {
  for (const char* name : {"classifier", "classifier.out_proj"}) {
    const TensorView* weight = model.find(std::string(name) + ".weight");
    if (weight == nullptr) continue;
    if (model.find(std::string(name) + ".bias") == nullptr)
      throw InvalidArgument(model.path() + ": tensor " + name +
                            ".bias: expected one to hold the offset, found none");
    if (weight->shape.empty() || weight->shape[0] != 1)
      throw InvalidArgument(model.path() + ": tensor " + name +
                            ".weight: expected one output, found several");
    return name;
  }
  throw InvalidArgument(model.path() + ": expected a reranker's last layer (classifier.weight or " +
                        "classifier.out_proj.weight), found none");
}

}  // namespace

Rescaling::Rescaling(const std::string& folder, const std::string& output)
    : model_(folder), output_(output) {
  require_unpacked(folder);
  const std::string last = last_layer(model_);
  weight_ = model_.find(last + ".weight");
  bias_ = model_.find(last + ".bias");
  check_derived_output(model_, output);
}

std::vector<std::byte> Rescaling::scaled_weight(double scale) const {
  std::vector<float> values = to_f32(*weight_, model_.path() + ": tensor " + weight_->name);
  for (float& value : values) value = static_cast<float>(value * scale);
  return narrow(values, weight_->dtype);
}

std::vector<std::byte> Rescaling::scaled_bias(double scale, double offset) const {
  std::vector<float> values = to_f32(*bias_, model_.path() + ": tensor " + bias_->name);
  values.at(0) = static_cast<float>(values.at(0) * scale + offset);
  return narrow(values, bias_->dtype);
}

double Rescaling::stored(double scale, double offset) const {
  const std::vector<float> before = to_f32(*bias_, model_.path() + ": tensor " + bias_->name);
  float after = 0;
  widen(scaled_bias(scale, offset).data(), bias_->dtype, 1, &after);
  return after - before.at(0) * scale;
}

void Rescaling::write(double scale, double offset, const ModelRecord& record) const {
  const std::vector<std::byte> weight = scaled_weight(scale), bias = scaled_bias(scale, offset);
  std::vector<TensorToWrite> tensors;
  for (const std::string& name : model_.tensor_names()) {
    const TensorView* tensor = model_.find(name);
    const std::span<const std::byte> data = tensor == weight_ ? std::span(weight)
                                            : tensor == bias_ ? std::span(bias)
                                                              : tensor->data;
    tensors.push_back({name, tensor->dtype, tensor->shape, data});
  }
  write_derived_folder(model_, output_, tensors, &record);
}

}  // namespace narabi::checkpoint
