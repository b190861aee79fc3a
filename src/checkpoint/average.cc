#include "checkpoint/average.h"

#include <vector>

#include "base/line_reader.h"
#include "checkpoint/derived_folder.h"
#include "narabi/error.h"

namespace narabi::checkpoint {
namespace {

void require_same_tokenizer(const ModelFolder& first, const ModelFolder& other) {
  for (const char* name : {"tokenizer.json", "vocab.txt", "tokenizer.model", "spiece.model",
                           "sentencepiece.bpe.model"}) {
    const bool expected = first.has_file(name);
    if (expected == other.has_file(name) &&
        (!expected || base::read_file(first.file(name)) == base::read_file(other.file(name))))
      continue;
    throw InvalidArgument(other.path() + ": " + name + ": expected the tokenizer of " +
                          first.path() + ", found another");
  }
}

const TensorView& same_tensor(const ModelFolder& folder, const TensorView& expected) {
  const TensorView* found = folder.find(expected.name);
  if (found == nullptr || found->shape != expected.shape) {
    throw InvalidArgument(folder.path() + ": tensor " + expected.name + ": expected " +
                          "the shape that the first model has, found " +
                          (found == nullptr ? "none" : "another"));
  }
  return *found;
}

std::vector<float> mean_of(std::span<const ModelFolder> models, const TensorView& first) {
  std::vector<double> sum(static_cast<std::size_t>(first.elements()));
  for (const ModelFolder& model : models) {
    const std::vector<float> values =
        to_f32(same_tensor(model, first), model.path() + ": tensor " + first.name);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += values[i];
  }
  std::vector<float> mean(sum.size());
  for (std::size_t i = 0; i < sum.size(); ++i)
    mean[i] = static_cast<float>(sum[i] / static_cast<double>(models.size()));
  return mean;
}

}  // namespace

void average_folders(std::span<const std::string> folders, const std::string& output) {
  if (folders.size() < 2) throw InvalidArgument("expected two models or more to average");
  std::vector<ModelFolder> models;
  for (const std::string& folder : folders) models.emplace_back(folder);
  const ModelFolder& first = models[0];
  check_derived_output(first, output);
  for (const ModelFolder& other : std::span(models).subspan(1)) {
    require_same_tokenizer(first, other);
    for (const std::string& name : other.tensor_names()) {
      if (first.find(name) == nullptr)
        throw InvalidArgument(other.path() + ": tensor " + name + ": " + first.path() +
                              " has none of this name");
    }
  }
  std::vector<TensorToWrite> tensors;
  std::vector<std::vector<std::byte>> data;
  for (const std::string& name : first.tensor_names()) {
    const TensorView& tensor = *first.find(name);
    data.push_back(narrow(mean_of(models, tensor), tensor.dtype));
    tensors.push_back({name, tensor.dtype, tensor.shape, data.back()});
  }
  write_derived_folder(first, output, tensors);
}

}  // namespace narabi::checkpoint
