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

// How far scores are from those of f32.
struct Agreement {
  double tau = 0;             // Kendall, mean over the questions
  double max_difference = 0;  // of a logit
};

// What calibrate() asks for: some way inside the gate, since other texts come, and many more.
inline constexpr double kCalibratedTau = 0.985;
inline constexpr double kCalibratedDifference = 0.01;  // in bf16 alone
bool is_calibrated(Precision precision, const Agreement& agreement);

struct Calibration {
  LayerPrecisions layers;
  std::size_t groups = 0;  // of linear layers that the model has
  Agreement plain, found;  // without `layers`; with them
};

// What a linear layer costs for each of its weights, int8 being 1, and the most that a calibrated
// model may cost on average: an int8 model not more than one in bf16, a bf16 model three quarters
// of the way to f32.
inline constexpr double kCostOfBf16 = 2, kCostOfF32 = 4;
inline constexpr double kMostCostOfInt8 = 2, kMostCostOfBf16 = 3.5;

// Scores the candidates of the questions (one vector of encodings each) in f32 and in `precision`
// (bf16 or int8). Where that is not calibrated yet, it measures on an eighth of the questions how
// far each group alone moves the logits of the f32 model; then those whose moving costs least to
// take away become bf16 or f32, as few as suffice. Where all that may be spent does not suffice,
// the best that was seen. `folder`: weights in floats.
// Calls step() after each of the 2 or more scorings; what it throws ends the calibration.
Calibration calibrate(const std::string& folder, Precision precision,
                      std::span<const std::vector<Encoding>> questions, int threads,
                      const std::function<void()>& step);

}  // namespace narabi::engine
