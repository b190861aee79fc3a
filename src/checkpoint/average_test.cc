#include "checkpoint/average.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/line_reader.h"
#include "checkpoint/derived_folder.h"
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

TEST(Average, OfEqualModelsIsThatModelBitByBit) {
  const TemporaryFolder a, out;
  const std::vector<float> values = {-0.0f, 0.0f, 0.1f, -0x1p-149f};
  write_model(a, DType::kF32, values);
  average_folders(std::vector<std::string>(3, a.path()), out.path() + "/mean");
  const ModelFolder mean(out.path() + "/mean");
  EXPECT_EQ(narrow(to_f32(*mean.find("w"), "w"), DType::kF32), narrow(values, DType::kF32));
}

TEST(Average, TakesNoRecordOfAnotherModel) {
  const TemporaryFolder a, b, out;
  for (const TemporaryFolder* folder : {&a, &b}) write_model(*folder, DType::kF32, {1});
  out.write("narabi.json", R"({"blend": {"bm25": 7}})");  // left by a calibration that was killed
  EXPECT_EQ(message_of({a.path(), b.path()}, out.path()), "");
  EXPECT_FALSE(ModelFolder(out.path()).has_file("narabi.json"));
}

TEST(Average, CopiesTheModulesOfAnEmbedderAndLeavesNoneWithoutItsFolder) {
  const TemporaryFolder a, b, out;
  for (const TemporaryFolder* folder : {&a, &b}) {
    write_model(*folder, DType::kF32, {1});
    folder->write("modules.json", R"([{"path": "", "type": "st.Transformer"},
                                      {"path": "1_Pooling", "type": "st.Pooling"},
                                      {"path": "2_Normalize", "type": "st.Normalize"}])");
    std::filesystem::create_directory(folder->path() + "/1_Pooling");
    folder->write("1_Pooling/config.json", R"({"pooling_mode_mean_tokens": true})");
  }
  EXPECT_EQ(message_of({a.path(), b.path()}, out.path()), "");
  EXPECT_EQ(message_of({a.path(), b.path()}, out.path()),
            out.path() + ": expected a new or an empty folder, found model.safetensors in it");
  EXPECT_EQ(base::read_file(out.path() + "/1_Pooling/config.json"),
            R"({"pooling_mode_mean_tokens": true})");
  // What a killed run has left is written again.
  std::filesystem::remove(out.path() + "/model.safetensors");
  EXPECT_EQ(message_of({a.path(), b.path()}, out.path()), "");

  const std::string mean = a.path() + "/mean";
  b.write("1_Pooling/config.json", R"({"pooling_mode_mean_tokens": false})");
  EXPECT_EQ(message_of({a.path(), b.path()}, mean),
            b.path() + "/1_Pooling/config.json: pooling_mode_mean_tokens: expected true as in " +
                a.path() + ", found false");
  b.write("modules.json", "[]");
  EXPECT_THAT(message_of({a.path(), b.path()}, mean),
              HasSubstr(R"(modules.json: expected ["Transformer","Pooling","Normalize"])"));
  for (const char* outside : {"../x", "/tmp", "x/../../y"}) {
    a.write("modules.json", std::string(R"([{"type": "Pooling", "path": ")") + outside + "\"}]");
    EXPECT_THROW(module_folders(ModelFolder(a.path())), InvalidFormat) << outside;
  }
}

TEST(Average, LeavesPositionIdsOutAndReadsNoPackedWeights) {
  const TemporaryFolder a, b, out;
  write_model(b, DType::kF32, {3});
  a.write("config.json", R"({"model_type": "bert"})");
  a.write("tokenizer.json", "{}");
  const std::vector<float> one = {1};
  const std::vector<std::int64_t> ids = {0, 1};
  const std::vector<TensorToWrite> tensors = {
      {"embeddings.position_ids", DType::kI64, {1, 2}, std::as_bytes(std::span(ids))},
      {"w", DType::kF32, {1}, std::as_bytes(std::span(one))}};
  write_safetensors(a.path() + "/model.safetensors", tensors, {});
  EXPECT_EQ(message_of({a.path(), b.path()}, out.path() + "/ab"), "");
  EXPECT_EQ(message_of({b.path(), a.path()}, out.path() + "/ba"), "");
  EXPECT_THAT(ModelFolder(out.path() + "/ab").tensor_names(), testing::ElementsAre("w"));
  b.write("narabi.json", R"({"packed": {"version": 1}})");
  EXPECT_THROW(average_folders(std::vector{a.path(), b.path()}, out.path() + "/packed"),
               Unsupported);
}

TEST(Average, RefusesAnotherArchitectureNamingTheKeyAndBothValues) {
  const TemporaryFolder a, b;
  for (const TemporaryFolder* folder : {&a, &b}) write_model(*folder, DType::kF32, {1});
  const auto with = [&](const std::string& config) {
    b.write("config.json", config);
    return message_of({a.path(), b.path()}, a.path() + "/mean");
  };
  a.write("config.json", R"({"model_type": "bert", "num_attention_heads": 4, "norm_eps": 1e-5})");
  EXPECT_EQ(
      with(R"({"model_type": "bert", "num_attention_heads": 2, "norm_eps": 1e-5})"),
      b.path() + "/config.json: num_attention_heads: expected 4 as in " + a.path() + ", found 2");
  EXPECT_THAT(with(R"({"model_type": "bert", "num_attention_heads": 4})"),
              HasSubstr("norm_eps: expected 1e-05 as in " + a.path() + ", found none"));
  EXPECT_EQ(with(R"({"model_type": "bert", "num_attention_heads": 4, "norm_eps": 0.00001,
                     "transformers_version": "5.0", "dtype": "float16"})"),
            "");
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
