// A model with outliers: the function in f32 is that of the shipped model, int8 loses its order.
#include "engine/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
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

namespace narabi::engine {
namespace {

const std::string kModel = NARABI_SOURCE_DIR "/models/prototype-modernbert-6l";
constexpr std::size_t kQuestions = 4, kCandidates = 16;

// Not questions with their candidates, but as many pairs to keep in order.
std::vector<std::vector<Encoding>> some_questions() {
  std::ifstream file(kModel + "/golden.jsonl");
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

void copy_with_outliers(const std::string& layer, const std::string& to) {
  for (const auto& entry : std::filesystem::directory_iterator(kModel)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".json") && name != "narabi.json")
      std::filesystem::copy(entry.path(), to + "/" + name);
  }
  const checkpoint::ModelFolder folder(kModel);
  const auto inner = static_cast<std::size_t>(folder.config().integer("intermediate_size")),
             hidden = static_cast<std::size_t>(folder.config().integer("hidden_size"));
  std::deque<std::vector<float>> memory;
  std::vector<checkpoint::TensorToWrite> tensors;
  for (const std::string& name : folder.tensor_names()) {
    const checkpoint::TensorView& tensor = *folder.find(name);
    std::vector<float>& values = memory.emplace_back(checkpoint::to_f32(tensor, name));
    if (name.find(layer) != std::string::npos) enlarge_channels(name, values, inner, hidden);
    tensors.push_back(
        {name, checkpoint::DType::kF32, tensor.shape, std::as_bytes(std::span(values))});
  }
  checkpoint::write_safetensors(to + "/model.safetensors", tensors, {});
}

TEST(Calibration, leaves_a_model_without_outliers_in_int8) {
  int steps = 0;
  const Calibration found = calibrate(kModel, some_questions(), 2, [&] { ++steps; });
  EXPECT_EQ(found.bf16, std::set<std::string>{});
  EXPECT_EQ(found.groups, 24u);
  EXPECT_GE(found.tau, kCalibratedTau);
  EXPECT_EQ(found.tau, found.int8_tau);
  EXPECT_EQ(steps, 2);
}

TEST(Calibration, keeps_the_layer_with_outliers_in_bf16) {
  const checkpoint::TemporaryFolder folder, packed;
  copy_with_outliers("layers.2.", folder.path());
  const auto questions = some_questions();
  const Calibration found = calibrate(folder.path(), questions, 2, [] {});
  EXPECT_LT(found.int8_tau, kLeastTau);
  EXPECT_GE(found.tau, kCalibratedTau);
  EXPECT_THAT(found.bf16, testing::Contains("model.layers.2.mlp.Wo"));
  EXPECT_LE(found.bf16.size(), found.groups / 2);

  pack_folder(folder.path(), packed.path(), found.bf16);
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

TEST(Calibration, ends_where_a_step_throws) {
  EXPECT_THROW(calibrate(kModel, some_questions(), 2, [] { throw std::runtime_error("enough"); }),
               std::runtime_error);
}

}  // namespace
}  // namespace narabi::engine
