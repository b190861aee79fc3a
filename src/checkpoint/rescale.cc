#include "checkpoint/rescale.h"

#include <filesystem>
#include <map>
#include <vector>

#include "checkpoint/derived_folder.h"
#include "checkpoint/model_record.h"
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

double rescale_logits(const std::string& folder, const std::string& output, double scale,
                      double offset) {
  const ModelFolder model(folder);
  std::error_code none;
  if (std::filesystem::equivalent(folder, output, none))
    throw InvalidArgument(output + ": expected another folder than the model's own");
  if (is_stamped(folder))
    throw Unsupported(folder + ": packed by narabi quantize; expected the folder it was made of");
  const std::string last = last_layer(model);
  std::map<std::string, std::vector<std::byte>> changed;
  double stored = 0;
  for (const bool bias : {false, true}) {
    const std::string name = last + (bias ? ".bias" : ".weight");
    const TensorView& tensor = *model.find(name);
    std::vector<float> values = to_f32(tensor, folder + ": tensor " + name);
    const double before = bias ? values.at(0) * scale : 0;
    for (float& value : values) value = static_cast<float>(value * scale + (bias ? offset : 0));
    changed[name] = narrow(values, tensor.dtype);
    if (bias) {
      widen(changed[name].data(), tensor.dtype, 1, values.data());
      stored = values[0] - before;
    }
  }
  std::vector<TensorToWrite> tensors;
  for (const std::string& name : model.tensor_names()) {
    const TensorView& tensor = *model.find(name);
    const auto own = changed.find(name);
    tensors.push_back(
        {name, tensor.dtype, tensor.shape,
         own == changed.end() ? tensor.data : std::span<const std::byte>(own->second)});
  }
  write_derived_folder(model, output, tensors);
  ModelRecord record(folder);
  record.scale_blend(scale);
  record.write(output);
  return stored;
}

}  // namespace narabi::checkpoint
