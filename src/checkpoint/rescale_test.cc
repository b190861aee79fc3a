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
    const Rescaling rescaling(folder.path(), output);
    rescaling.write(0.5, 0, ModelRecord(folder.path()));
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Rescale, TheLastLayerAlone) {
  for (const std::string last : {"classifier", "classifier.out_proj"}) {
    const TemporaryFolder folder, out;
    write_model(folder, {{"classifier.dense.weight", {1, 2}, {5, 6}},
                         {last + ".bias", {1}, {0.5f}},
                         {last + ".weight", {1, 3}, {1, -2, 0.1f}}});
    folder.write("narabi.json", R"({"blend": {"bm25": 0.3}})");
    const Rescaling rescaling(folder.path(), out.path() + "/half");
    const double stored = rescaling.stored(0.5, -1.001);
    rescaling.write(0.5, -1.001, ModelRecord(folder.path()));
    const ModelFolder half(out.path() + "/half");
    const std::vector<float> before = values_of(ModelFolder(folder.path()), last + ".weight");
    const std::vector<float> after = values_of(half, last + ".weight");
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(after[i], before[i] / 2);
    EXPECT_EQ(values_of(half, last + ".bias")[0], static_cast<float>(0.25 + stored));
    EXPECT_NEAR(stored, -1.001, 1e-3);  // an f16 next to it
    EXPECT_EQ(values_of(half, "classifier.dense.weight"), (std::vector<float>{5, 6}));
    EXPECT_TRUE(half.has_file("tokenizer.json"));
    EXPECT_THAT(base::read_file(half.file("narabi.json")), HasSubstr("0.3"));
  }
}

TEST(Rescale, GoesOnOverWhatAKilledProcessLeft) {
  const TemporaryFolder folder, out;
  write_model(folder, {{"classifier.bias", {1}, {0}}, {"classifier.weight", {1, 2}, {1, 2}}});
  out.write("config.json", "{");
  out.write("narabi.json", "{}");
  out.write("tokenizer.json.tmp.123", "half");
  out.write("model.safetensors.tmp.123", "half");
  EXPECT_EQ(message_of(folder, out.path()), "");
  EXPECT_EQ(values_of(ModelFolder(out.path()), "classifier.weight"), (std::vector<float>{0.5f, 1}));
  EXPECT_FALSE(std::filesystem::exists(out.path() + "/model.safetensors.tmp.123"));
  EXPECT_THAT(message_of(folder, out.path()), HasSubstr("found model.safetensors in it"));
  const TemporaryFolder another;
  another.write("vocab.txt", "");  // which the model does not have
  EXPECT_THAT(message_of(folder, another.path()), HasSubstr("found vocab.txt in it"));
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
