#include "engine/precision.h"

#include <gtest/gtest.h>

#include "base/cpu.h"
#include "checkpoint/temporary_folder.h"
#include "narabi/error.h"

namespace narabi::engine {
namespace {

Precision chosen(const char* record, Precision wanted) {
  const checkpoint::TemporaryFolder folder;
  if (record != nullptr) folder.write("narabi.json", record);
  return choose_precision(folder.path(), wanted);
}

TEST(Precision, of_auto_is_the_fastest_whose_gate_held) {
  const Precision bf16 = base::bf16_is_fast() ? Precision::kBf16 : Precision::kF32;
  EXPECT_EQ(chosen(nullptr, Precision::kAuto), Precision::kF32);
  EXPECT_EQ(chosen(R"({"precision":{"int8":{"held":true}}})", Precision::kAuto), Precision::kInt8);
  EXPECT_EQ(chosen(R"({"precision":{"int8":{"held":false}}})", Precision::kAuto), Precision::kF32);
  EXPECT_EQ(chosen(R"({"precision":{"bf16":{"held":true}}})", Precision::kAuto), bf16);
  EXPECT_EQ(
      chosen(R"({"precision":{"int8":{"held":false},"bf16":{"held":true}}})", Precision::kAuto),
      bf16);
  EXPECT_EQ(chosen(R"({"packed":{"version":1}})", Precision::kAuto), Precision::kInt8);
}

TEST(Precision, that_is_asked_for_is_given) {
  for (const Precision precision : {Precision::kF32, Precision::kBf16, Precision::kInt8})
    EXPECT_EQ(chosen(R"({"precision":{"int8":{"held":false}}})", precision), precision);
}

TEST(Precision, of_a_packed_folder_is_int8_or_nothing) {
  const char* packed = R"({"packed":{"version":1},"precision":{"int8":{"held":false}}})";
  EXPECT_EQ(chosen(packed, Precision::kInt8), Precision::kInt8);
  for (const Precision precision : {Precision::kF32, Precision::kBf16, Precision::kAuto})
    EXPECT_THROW(chosen(packed, precision), Unsupported);
}

TEST(Precision, of_layers_is_recorded_for_each_precision) {
  const checkpoint::TemporaryFolder folder;
  EXPECT_EQ(recorded_layers(folder.path(), Precision::kInt8), LayerPrecisions{});
  folder.write("narabi.json", R"({"precision": {"int8": {"bf16": ["a.b"], "f32": ["c"]},
                                                "bf16": {"f32": ["d"]}}})");
  EXPECT_EQ(recorded_layers(folder.path(), Precision::kInt8),
            (LayerPrecisions{{"a.b", Precision::kBf16}, {"c", Precision::kF32}}));
  EXPECT_EQ(recorded_layers(folder.path(), Precision::kBf16),
            (LayerPrecisions{{"d", Precision::kF32}}));
  EXPECT_EQ(recorded_layers(folder.path(), Precision::kF32), LayerPrecisions{});
  folder.write("narabi.json", R"({"precision": {"int8": {"bf16": "all"}}})");
  EXPECT_THROW(recorded_layers(folder.path(), Precision::kInt8), InvalidFormat);
}

TEST(Precision, of_layers_is_f32_where_bf16_is_slower) {
  const Precision wider = base::bf16_is_fast() ? Precision::kBf16 : Precision::kF32;
  EXPECT_EQ(for_this_cpu({{"a.b", Precision::kBf16}, {"c", Precision::kF32}}),
            (LayerPrecisions{{"a.b", wider}, {"c", Precision::kF32}}));
}

TEST(Precision, of_a_record_that_is_none_is_an_error) {
  EXPECT_THROW(chosen(R"({"precision":{"int8":{"held":"yes"}}})", Precision::kAuto), InvalidFormat);
}

}  // namespace
}  // namespace narabi::engine
