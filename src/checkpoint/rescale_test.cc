#include "checkpoint/rescale.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/line_reader.h"
#include "checkpoint/model_folder.h"
#include "checkpoint/safetensors_writer.h"
#include "checkpoint/temporary_folder.h"
#include "narabi/error.h"

namespace narabi::checkpoint {
namespace {

using testing::HasSubstr;

struct Tensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

void write_model(const TemporaryFolder& folder, const std::vector<Tensor>& tensors) {
  folder.write("config.json", R"({"model_type": "bert"})");
  folder.write("tokenizer.json", "{}");
  std::vector<std::vector<std::byte>> data;
  std::vector<TensorToWrite> written;
  for (const Tensor& tensor : tensors) data.push_back(narrow(tensor.values, DType::kF16));
  for (std::size_t i = 0; i < tensors.size(); ++i)
    written.push_back({tensors[i].name, DType::kF16, tensors[i].shape, data[i]});
  write_safetensors(folder.path() + "/model.safetensors", written, {});
}

std::vector<float> values_of(const ModelFolder& model, const std::string& name) {
  return to_f32(*model.find(name), name);
}

std::string message_of(const TemporaryFolder& folder, const std::string& output) {
  try {
    rescale_logits(folder.path(), output, 0.5, 0);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Rescale, TheLastLayerAloneAndTheWeightOfBm25) {
  for (const std::string last : {"classifier", "classifier.out_proj"}) {
    const TemporaryFolder folder, out;
    write_model(folder, {{"classifier.dense.weight", {1, 2}, {5, 6}},
                         {last + ".bias", {1}, {0.5f}},
                         {last + ".weight", {1, 3}, {1, -2, 0.1f}}});
    folder.write("narabi.json",
                 R"({"blend": {"bm25": 0.3}, "precision": {"int8": {"held": true}}})");
    const double stored = rescale_logits(folder.path(), out.path() + "/half", 0.5, -1.001);
    const ModelFolder half(out.path() + "/half");
    const std::vector<float> before = values_of(ModelFolder(folder.path()), last + ".weight");
    const std::vector<float> after = values_of(half, last + ".weight");
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(after[i], before[i] / 2);
    EXPECT_EQ(values_of(half, last + ".bias")[0], static_cast<float>(0.25 + stored));
    EXPECT_NEAR(stored, -1.001, 1e-3);  // an f16 next to it
    EXPECT_EQ(values_of(half, "classifier.dense.weight"), (std::vector<float>{5, 6}));
    EXPECT_TRUE(half.has_file("tokenizer.json"));
    const std::string record = base::read_file(half.file("narabi.json"));
    EXPECT_THAT(record, HasSubstr("0.15"));
    EXPECT_THAT(record, HasSubstr("held"));
  }
}

TEST(Rescale, RefusesWhatHasNoLogitToScale) {
  const TemporaryFolder encoder, several, no_bias, packed, out;
  const Tensor weight = {"classifier.weight", {1, 2}, {1, 2}}, bias = {"classifier.bias", {1}, {0}};
  write_model(encoder, {{"w", {2}, {1, 2}}});
  write_model(several, {{"classifier.bias", {2}, {1, 2}}, {"classifier.weight", {2, 1}, {1, 2}}});
  write_model(no_bias, {weight});
  write_model(packed, {bias, weight});
  packed.write("narabi.json", R"({"packed": {"version": 1}})");
  const std::string output = out.path() + "/other";
  EXPECT_THAT(message_of(encoder, output), HasSubstr("last layer"));
  EXPECT_THAT(message_of(several, output), HasSubstr("one output"));
  EXPECT_THAT(message_of(no_bias, output), HasSubstr("classifier.bias"));
  EXPECT_THAT(message_of(packed, output), HasSubstr("packed"));
  EXPECT_FALSE(std::filesystem::exists(output));
  const TemporaryFolder model;
  write_model(model, {bias, weight});
  EXPECT_THAT(message_of(model, model.path()), HasSubstr("another folder"));
  EXPECT_EQ(message_of(model, output), "");
}

}  // namespace
}  // namespace narabi::checkpoint
