// Models that int8 hurts: one with outliers (in f32 the function is what it was without them), one
// with sharp attention.
#include "engine/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "checkpoint/model_folder.h"
#include "checkpoint/safetensors_writer.h"
#include "checkpoint/temporary_folder.h"
#include "engine/pack_folder.h"
#include "engine/precision.h"
#include "engine/scorer.h"
#include "narabi/error.h"

namespace narabi::engine {
namespace {

const std::string kPrototype = NARABI_SOURCE_DIR "/models/prototype-modernbert-6l";
const std::string kSharp = NARABI_SOURCE_DIR "/models/narabi-tiny";  // products of attention of 20
// Under sanitizers fewer: they look for something else than the order.
#ifdef NARABI_SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
constexpr std::size_t kQuestions = 4, kCandidates = kSanitized ? 8 : 16;

// Not questions with their candidates, but as many pairs to keep in order.
std::vector<std::vector<Encoding>> some_questions(const std::string& folder = kPrototype) {
  std::ifstream file(folder + "/golden.jsonl");
  std::vector<std::vector<Encoding>> questions(kQuestions);
  std::string line;
  for (auto& candidates : questions) {
    while (candidates.size() < kCandidates && std::getline(file, line)) {
      const auto json = nlohmann::json::parse(line);
      candidates.push_back({.input_ids = json["input_ids"], .token_type_ids = {}});
    }
  }
  return questions;
}

// Channels of the feed-forward's middle, 2^16 times larger in their gates and smaller in what they
// are multiplied with afterwards.
void enlarge_channels(const std::string& name, std::span<float> values, std::size_t inner,
                      std::size_t hidden) {
  for (const std::size_t channel : {std::size_t{3}, inner / 2, inner - 1}) {
    for (std::size_t i = 0; i < hidden; ++i) {
      if (name.ends_with("mlp.Wi.weight")) values[(inner + channel) * hidden + i] *= 65536.0f;
      if (name.ends_with("mlp.Wo.weight")) values[i * inner + channel] /= 65536.0f;
    }
  }
}

// The first two layers of the prototype, outliers in the first.
void write_with_outliers(const std::string& to) {
  auto config = nlohmann::json::parse(std::ifstream(kPrototype + "/config.json"));
  config["num_hidden_layers"] = 2;
  config["layer_types"] = {"full_attention", "full_attention"};
  std::ofstream(to + "/config.json") << config;
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"})
    std::filesystem::copy(kPrototype + "/" + name, to + "/" + name);
  const checkpoint::ModelFolder folder(kPrototype);
  const auto inner = static_cast<std::size_t>(folder.config().integer("intermediate_size")),
             hidden = static_cast<std::size_t>(folder.config().integer("hidden_size"));
  std::deque<std::vector<float>> memory;
  std::vector<checkpoint::TensorToWrite> tensors;
  for (const std::string& name : folder.tensor_names()) {
    const std::size_t layer = name.find("layers.");
    if (layer != std::string::npos && name[layer + std::strlen("layers.")] > '1') continue;
    const checkpoint::TensorView& tensor = *folder.find(name);
    std::vector<float>& values = memory.emplace_back(checkpoint::to_f32(tensor, name));
    if (name.find("layers.0.") != std::string::npos) enlarge_channels(name, values, inner, hidden);
    tensors.push_back(
        {name, checkpoint::DType::kF32, tensor.shape, std::as_bytes(std::span(values))});
  }
  checkpoint::write_safetensors(to + "/model.safetensors", tensors, {});
}

TEST(Calibration, leaves_a_model_without_outliers_in_int8) {
  int steps = 0;
  const Calibration found =
      calibrate(kPrototype, Precision::kInt8, some_questions(), 2, [&] { ++steps; });
  EXPECT_EQ(found.layers, LayerPrecisions{});
  EXPECT_EQ(found.groups, 24u);
  EXPECT_GE(found.found.tau, kCalibratedTau);
  EXPECT_EQ(found.found.tau, found.plain.tau);
  EXPECT_EQ(steps, 2);
}

TEST(Calibration, keeps_the_layer_with_outliers_in_bf16) {
  const checkpoint::TemporaryFolder folder, packed;
  write_with_outliers(folder.path());
  const auto questions = some_questions();
  const Calibration found = calibrate(folder.path(), Precision::kInt8, questions, 2, [] {});
  EXPECT_LT(found.plain.tau, gate_of(Precision::kInt8).least_tau);
  EXPECT_GE(found.found.tau, kCalibratedTau);
  EXPECT_THAT(found.layers,
              testing::Contains(testing::Pair("model.layers.0.mlp.Wo", Precision::kBf16)));
  EXPECT_LT(found.layers.size(), found.groups);

  pack_folder(folder.path(), packed.path(), found.layers);
  std::vector<Encoding> all;
  for (const auto& candidates : questions)
    all.insert(all.end(), candidates.begin(), candidates.end());
  const auto logits = [&](const std::string& path, Precision precision) {
    return Scorer(path, {.precision = precision, .threads = 2}).logits(all);
  };
  EXPECT_GE(
      kendall_tau(logits(folder.path(), Precision::kF32), logits(packed.path(), Precision::kInt8)),
      0.97);
}

TEST(Calibration, widens_a_model_whose_attention_is_sharp) {
  if (kSanitized) GTEST_SKIP() << "half a minute of loading models; outliers are calibrated too";
  const auto questions = some_questions(kSharp);
  const Calibration int8 = calibrate(kSharp, Precision::kInt8, questions, 2, [] {});
  EXPECT_LT(int8.plain.tau, kCalibratedTau);
  EXPECT_GE(int8.found.tau, kCalibratedTau);
  EXPECT_LT(int8.layers.size(), int8.groups);
  const auto is_attention = [](const auto& layer) { return layer.first.ends_with("attn.Wqkv"); };
  EXPECT_THAT(int8.layers, testing::Contains(testing::Truly(is_attention)));
}

TEST(Calibration, of_bf16_brings_every_logit_near_by_f32_alone) {
  if (kSanitized) GTEST_SKIP() << "half a minute of loading models; outliers are calibrated too";
  const auto questions = some_questions(kSharp);
  const Calibration bf16 = calibrate(kSharp, Precision::kBf16, questions, 2, [] {});
  EXPECT_GT(bf16.plain.max_difference, 3 * kCalibratedDifference);
  EXPECT_LE(bf16.found.max_difference, kCalibratedDifference);
  EXPECT_GE(bf16.found.tau, kCalibratedTau);
  for (const auto& [layer, precision] : bf16.layers) EXPECT_EQ(precision, Precision::kF32) << layer;
  EXPECT_LT(bf16.layers.size(), bf16.groups);
}

TEST(Calibration, refuses_a_layer_that_the_model_lacks) {
  EXPECT_THROW(Scorer(kSharp, {.precision = Precision::kInt8},
                      LayerPrecisions{{"model.layers.3.attn.Wqkv", Precision::kF32}}),
               InvalidArgument);
}

TEST(Calibration, ends_where_a_step_throws) {
  EXPECT_THROW(calibrate(kPrototype, Precision::kInt8, some_questions(), 2,
                         [] { throw std::runtime_error("enough"); }),
               std::runtime_error);
}

}  // namespace
}  // namespace narabi::engine
