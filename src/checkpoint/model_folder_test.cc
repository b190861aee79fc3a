#include "checkpoint/model_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "checkpoint/temporary_folder.h"
#include "narabi/error.h"

namespace narabi::checkpoint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string one_tensor(const std::string& name) {
  const std::string header =
      "{\"" + name + "\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}}";
  std::string out(8, '\0');
  out[0] = static_cast<char>(header.size());
  return out + header + std::string(8, '\0');
}

template <typename Body>
std::string message_of(Body body) {
  try {
    body();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(ModelFolder, reads_one_file_or_shards) {
  const TemporaryFolder folder;
  folder.write("config.json", "{}");
  folder.write("s1.safetensors", one_tensor("a"));
  folder.write("s2.safetensors", one_tensor("b"));
  folder.write("model.safetensors.index.json",
               R"({"weight_map":{"a":"s1.safetensors","b":"s2.safetensors"}})");
  const ModelFolder model(folder.path());
  EXPECT_THAT(model.tensor_names(), ElementsAre("a", "b"));
  EXPECT_NE(model.find("b"), nullptr);
  EXPECT_EQ(model.find("c"), nullptr);
}

TEST(ModelFolder, says_what_is_wrong_with_a_folder) {
  const TemporaryFolder folder;
  const auto message = [&] { return message_of([&] { ModelFolder model(folder.path()); }); };
  EXPECT_THAT(message_of([] { ModelFolder model("/nowhere"); }),
              HasSubstr("/nowhere: no such folder"));
  EXPECT_THAT(message(), HasSubstr("holds no config.json"));
  folder.write("config.json", "");
  folder.write("model.safetensors", one_tensor("a"));
  EXPECT_THAT(message(), HasSubstr("config.json: expected JSON"));
  folder.write("config.json", "{}");
  std::filesystem::remove(folder.path() + "/model.safetensors");
  EXPECT_THAT(
      message(),
      HasSubstr("expected model.safetensors or model.safetensors.index.json, found neither"));
  folder.write("pytorch_model.bin", "x");
  EXPECT_THAT(message(), HasSubstr("holds only pytorch_model.bin"));
  EXPECT_THAT(message(), HasSubstr("save_pretrained"));
  folder.write("model.safetensors.index.json", R"({"weight_map":{"a":"gone.safetensors"}})");
  EXPECT_THAT(message(), HasSubstr("names the shard gone.safetensors, which is not in the folder"));
  folder.write("model.safetensors.index.json", R"({"weight_map":{"a":"../x"}})");
  EXPECT_THAT(message(), HasSubstr("expected the name of a file in the same folder"));
  folder.write("s1.safetensors", one_tensor("a"));
  folder.write("model.safetensors.index.json",
               R"({"weight_map":{"a":"s1.safetensors","b":"s1.safetensors"}})");
  EXPECT_THAT(message(),
              HasSubstr("weight_map.b: the shard s1.safetensors does not hold this tensor"));
  folder.write("s2.safetensors", one_tensor("a"));
  folder.write("model.safetensors.index.json",
               R"({"weight_map":{"a":"s1.safetensors","b":"s2.safetensors"}})");
  EXPECT_THAT(message(), HasSubstr("tensor a is in another shard, too"));
  folder.write("s2.safetensors", one_tensor("b"));
  folder.write("model.safetensors.index.json",
               R"({"weight_map":{"a":"s2.safetensors","b":"s1.safetensors"}})");
  EXPECT_THAT(message(), HasSubstr("weight_map.b: the shard s1.safetensors does not hold"));
  folder.write("model.safetensors.index.json", R"({"weight_map":{"a":"s1.safetensors\u0000"}})");
  EXPECT_THAT(message(), HasSubstr("expected the name of a file in the same folder"));
  folder.write("model.safetensors.index.json",
               R"({"weight_map":{"a":")" + std::string(300, 'x') + "\"}}");
  EXPECT_THAT(message(), HasSubstr("x: cannot look there: File name too long"));
}

TEST(ModelFolder, converts_pickled_weights_with_the_class_of_the_architecture) {
  const TemporaryFolder folder;
  folder.write("pytorch_model-00001-of-00002.bin", "x");
  const auto message = [&] { return message_of([&] { ModelFolder model(folder.path()); }); };
  folder.write("config.json", R"({"architectures":["BertForSequenceClassification"]})");
  EXPECT_THAT(message(), HasSubstr("import AutoModelForSequenceClassification as M;"));
  folder.write("config.json", R"({"architectures":["BertModel"]})");
  EXPECT_THAT(message(), HasSubstr("import AutoModel as M;"));
}

TEST(TensorTable, names_missing_misshapen_and_denied_tensors) {
  const TemporaryFolder folder;
  folder.write("config.json", "{}");
  folder.write("model.safetensors", one_tensor("layer.a"));
  const ModelFolder model(folder.path());
  EXPECT_THAT(message_of([&] {
                TensorTable(model, {{"layer.b", {3}}}, {});
              }),
              HasSubstr("expected the tensor layer.b [3], found none of this name"));
  EXPECT_THAT(
      message_of([&] {
        TensorTable(model, {{"layer.a", {2, 2}}}, {});
      }),
      HasSubstr("tensor layer.a: expected the shape [2, 2] (from config.json), found [1, 2]"));
  EXPECT_THAT(message_of([&] { TensorTable(model, {}, {"layer."}); }),
              HasSubstr("holds the tensor layer.a, which config.json says"));
  EXPECT_THAT(TensorTable(model, {}, {}).extras(), ElementsAre("layer.a"));
}

TEST(ConfigFile, reads_dotted_keys_and_says_what_it_expected) {
  const TemporaryFolder folder;
  const ConfigFile config(
      folder.write("config.json", R"({"a":{"b":3},"s":"x","f":1.5,"n":null,"a.c":true})"));
  EXPECT_EQ(config.integer("a.b"), 3);
  EXPECT_TRUE(config.flag("a.c"));
  EXPECT_FALSE(config.has("n"));
  EXPECT_EQ(config.number("n", 7), 7);
  EXPECT_THAT(message_of([&] { config.integer("s"); }),
              HasSubstr("config.json: s: expected an integer, found \"x\""));
  EXPECT_THAT(message_of([&] { config.integer("f"); }),
              HasSubstr("f: expected an integer, found 1.5"));
  EXPECT_THAT(message_of([&] { config.text("zz"); }),
              HasSubstr("zz: expected a string, found nothing"));
  EXPECT_THAT(message_of([&] {
                config.one_of("s", {"y", "z"});
              }),
              HasSubstr("config.json: s is \"x\"; supported: y, z"));
}

// The whole folder under damage: config.json, index and weights, truncated and flipped.
TEST(ModelFolder, survives_truncation_and_flipped_bytes_in_any_file) {
  const std::string names[] = {"config.json", "model.safetensors.index.json", "s1.safetensors"};
  const std::string contents[] = {
      R"({"architectures":["BertModel"],"hidden_size":2,"layer_norm_eps":1e-12,"hidden_act":"gelu"})",
      R"({"metadata":{},"weight_map":{"a":"s1.safetensors"}})", one_tensor("a")};
  std::mt19937 random(2);
  const TemporaryFolder folder;
  int refused = 0;
  for (int i = 0; i < 600; ++i) {
    for (std::size_t file = 0; file < 3; ++file) {
      std::string content = contents[file];
      if (file == static_cast<std::size_t>(i) % 3) {
        if (i % 2 == 0) content.resize(random() % content.size());
        if (i % 2 == 1) content[random() % content.size()] ^= static_cast<char>(1 << random() % 8);
      }
      folder.write(names[file], content);
    }
    try {
      const ModelFolder model(folder.path());
      model.config().integer("hidden_size", 0);
      model.config().texts("architectures");
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 200);
}

}  // namespace
}  // namespace narabi::checkpoint
