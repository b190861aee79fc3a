#include "checkpoint/model_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/line_reader.h"
#include "checkpoint/safetensors_writer.h"
#include "checkpoint/temporary_folder.h"
#include "narabi/error.h"

namespace narabi::checkpoint {
namespace {

using nlohmann::json;

json read(const TemporaryFolder& folder) {
  return json::parse(base::read_file(folder.path() + "/narabi.json"));
}

TEST(ModelRecord, leaves_what_others_wrote) {
  const TemporaryFolder folder;
  folder.write("narabi.json", R"({"blend":{"bm25":0.3},"precision":{"bf16":{"held":true}}})");
  ModelRecord record(folder.path());
  record.set_gate("int8", {.held = true, .kendall_tau = 0.99, .ndcg_change = -0.001, .pairs = 7});
  record.write(folder.path());
  const json written = read(folder);
  EXPECT_EQ(written["blend"]["bm25"], 0.3);
  EXPECT_EQ(written["precision"]["bf16"]["held"], true);
  EXPECT_EQ(written["precision"]["int8"]["held"], true);
  EXPECT_EQ(written["precision"]["int8"]["pairs"], 7);
  EXPECT_FALSE(is_stamped(folder.path()));
}

TEST(ModelRecord, scales_what_depends_on_the_logits) {
  for (const double scale : {0.5, 2.0}) {
    const TemporaryFolder folder;
    folder.write("narabi.json", R"({"blend": {"bm25": 0.25}, "precision": {
        "bf16": {"held": true, "f32": ["a"]}, "int8": {"held": true}}})");
    ModelRecord record(folder.path());
    record.scale_logits(scale);
    record.write(folder.path());
    const json written = read(folder);
    EXPECT_EQ(written["blend"]["bm25"], scale * 0.25);
    EXPECT_EQ(written["precision"]["int8"]["held"], true);  // the order is the same
    EXPECT_EQ(written["precision"]["bf16"].contains("held"), scale < 1);
    EXPECT_EQ(written["precision"]["bf16"]["f32"], json({"a"}));
  }
}

TEST(ModelRecord, begins_where_there_is_none) {
  const TemporaryFolder folder;
  ModelRecord record(folder.path());
  record.set_gate("int8", {});
  record.write(folder.path());
  EXPECT_EQ(read(folder)["precision"]["int8"]["held"], false);
}

TEST(ModelRecord, names_the_file_and_the_key_that_it_cannot_use) {
  for (const auto& [content, expected] :
       {std::pair{"{", "narabi.json: expected JSON"},
        {"[1]", "narabi.json: expected an object"},
        {R"({"precision":7})", "narabi.json: precision: expected an object, found number"},
        {R"({"precision":{"int8":[]}})", "narabi.json: int8: expected an object, found array"}}) {
    const TemporaryFolder folder;
    folder.write("narabi.json", content);
    try {
      ModelRecord record(folder.path());
      record.set_gate("int8", {});
      ADD_FAILURE() << content;
    } catch (const InvalidFormat& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr(expected));
    }
  }
}

TEST(ModelRecord, stamps_the_very_file) {
  const TemporaryFolder folder;
  folder.write("config.json", "{}");
  const std::string weights = folder.path() + "/model.safetensors";
  const std::vector<float> values = {1, 2};
  const std::vector<TensorToWrite> tensors = {
      {"packed.a", DType::kI8, {8}, std::as_bytes(std::span(values))}};
  write_safetensors(weights, tensors, {});
  ModelRecord record(folder.path());
  record.set_stamp(weights, folder.path() + "/config.json");
  record.write(folder.path());
  EXPECT_TRUE(is_stamped(folder.path()));
  EXPECT_NO_THROW(check_stamp(ModelFolder(folder.path())));
  std::string bytes = base::read_file(weights);
  bytes.back() ^= 1;
  folder.write("model.safetensors", bytes);
  EXPECT_THROW(check_stamp(ModelFolder(folder.path())), InvalidFormat);
}

}  // namespace
}  // namespace narabi::checkpoint
