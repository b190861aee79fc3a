#include "checkpoint/average.h"

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

// A folder with one tensor of three numbers.
void write_model(const TemporaryFolder& folder, DType dtype, const std::vector<float>& values,
                 const char* tensor = "w", const char* tokenizer = "{}") {
  folder.write("config.json", R"({"model_type": "bert"})");
  folder.write("tokenizer.json", tokenizer);
  folder.write("narabi.json", R"({"blend": {"bm25": 1}})");
  const std::vector<std::byte> bytes = narrow(values, dtype);
  const std::vector<TensorToWrite> tensors = {
      {tensor, dtype, {static_cast<std::int64_t>(values.size())}, bytes}};
  write_safetensors(folder.path() + "/model.safetensors", tensors, {});
}

std::string message_of(const std::vector<std::string>& folders, const std::string& output) {
  try {
    average_folders(folders, output);
    return "";
  } catch (const InvalidArgument& error) {
    return error.what();
  }
}

TEST(Average, IsTheMeanInTheTypeOfTheFirst) {
  const TemporaryFolder a, b, out;
  write_model(a, DType::kF16, {1, -2, 0.1f});
  write_model(b, DType::kF32, {2, -4, 0.2f});
  average_folders(std::vector<std::string>{a.path(), b.path()}, out.path() + "/mean");
  const ModelFolder mean(out.path() + "/mean");
  EXPECT_EQ(mean.find("w")->dtype, DType::kF16);
  const std::vector<float> values = to_f32(*mean.find("w"), "w");
  EXPECT_EQ(values[0], 1.5f);
  EXPECT_EQ(values[1], -3.0f);
  EXPECT_NEAR(values[2], 0.15f, 1e-4);
  EXPECT_TRUE(mean.has_file("tokenizer.json"));
  EXPECT_FALSE(mean.has_file("narabi.json"));
}

TEST(Average, TakesNoRecordOfAnotherModel) {
  const TemporaryFolder a, b, out;
  for (const TemporaryFolder* folder : {&a, &b}) write_model(*folder, DType::kF32, {1});
  out.write("narabi.json", R"({"blend": {"bm25": 7}})");  // left by a calibration that was killed
  EXPECT_EQ(message_of({a.path(), b.path()}, out.path()), "");
  EXPECT_FALSE(ModelFolder(out.path()).has_file("narabi.json"));
}

TEST(Average, RefusesWhatDoesNotBelongTogether) {
  const TemporaryFolder a, shape, name, tokenizer;
  write_model(a, DType::kF32, {1, 2, 3});
  write_model(shape, DType::kF32, {1, 2});
  write_model(name, DType::kF32, {1, 2, 3}, "v");
  write_model(tokenizer, DType::kF32, {1, 2, 3}, "w", "[]");
  const std::string out = a.path() + "/mean";
  EXPECT_THAT(message_of({a.path(), shape.path()}, out), HasSubstr("tensor w: expected the shape"));
  EXPECT_THAT(message_of({a.path(), name.path()}, out), HasSubstr("tensor v"));
  EXPECT_THAT(message_of({a.path(), tokenizer.path()}, out), HasSubstr("tokenizer.json: expected"));
  EXPECT_THAT(message_of({a.path()}, out), HasSubstr("two models"));
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST(Narrow, RoundsToTheNearestAndTiesToEven) {
  // f16 has 10 bits behind the first: 1 + 2^-11 lies half way between two numbers.
  const std::vector<float> values = {1 + 0x1p-11f, 1 + 3 * 0x1p-11f, 65504, -0x1p-24f,
                                     0x1.8p-24f,   0x1p-26f,         -0.0f};
  const std::vector<std::byte> f16 = narrow(values, DType::kF16);
  std::vector<float> back(values.size());
  widen(f16.data(), DType::kF16, back.size(), back.data());
  EXPECT_EQ(back, (std::vector<float>{1, 1 + 0x1p-9f, 65504, -0x1p-24f, 0x1p-23f, 0, -0.0f}));
  const std::vector<float> wide = {1 + 0x1p-8f, 1 + 3 * 0x1p-8f, -3e38f};
  const std::vector<std::byte> bf16 = narrow(wide, DType::kBF16);
  back.resize(wide.size());
  widen(bf16.data(), DType::kBF16, back.size(), back.data());
  EXPECT_EQ(back[0], 1);
  EXPECT_EQ(back[1], 1 + 0x1p-6f);
  EXPECT_NEAR(back[2] / wide[2], 1, 0x1p-9);
}

}  // namespace
}  // namespace narabi::checkpoint
