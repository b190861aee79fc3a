// Which linear layers of a model multiply in more precision than the rest, so that the order of f32
// stays. In int8 outliers in one channel of a layer's input leave few steps to the others of that
// token; in bf16 a query and a key whose product is large round too coarsely for the softmax.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/precision.h"
#include "narabi/tokenizer.h"

namespace narabi::engine {

// Kendall's tau-a of two scorings of the same candidates, pairs tied in either left out; 1 where
// none is left.
double kendall_tau(std::span<const float> a, std::span<const float> b);

// tau that calibrate() asks for: some way above the gate's kLeastTau, since other texts come.
inline constexpr double kCalibratedTau = 0.985;

struct Calibration {
  LayerPrecisions layers;
  std::size_t groups = 0;         // of linear layers that the model has
  double plain_tau = 0, tau = 0;  // mean over the questions: without `layers`; with them
};

// What a linear layer costs for each of its weights, int8 being 1, and the most that a calibrated
// model may cost on average: an int8 model not more than one in bf16, a bf16 model half way to f32.
inline constexpr double kCostOfBf16 = 2, kCostOfF32 = 4;
inline constexpr double kMostCostOfInt8 = 2, kMostCostOfBf16 = 3;

// Scores the candidates of the questions (one vector of encodings each) in f32 and in `precision`
// (bf16 or int8). Where tau is below kCalibratedTau, it measures on an eighth of the questions how
// far each group alone moves the logits of the f32 model; then those whose moving costs least to
// take away become bf16 or f32, as few as bring tau to kCalibratedTau. `folder`: weights in floats.
// Calls step() after each of the 2 or more scorings; what it throws ends the calibration.
Calibration calibrate(const std::string& folder, Precision precision,
                      std::span<const std::vector<Encoding>> questions, int threads,
                      const std::function<void()>& step);

}  // namespace narabi::engine
