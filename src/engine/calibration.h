// Which linear layers of a model stay in bf16 so that int8 keeps the order of f32: outliers in one
// channel of a layer's input leave few steps of int8 to the others of that token.
#pragma once

#include <cstddef>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "narabi/tokenizer.h"

namespace narabi::engine {

// Kendall's tau-a of two scorings of the same candidates, pairs tied in either left out; 1 where
// none is left.
double kendall_tau(std::span<const float> a, std::span<const float> b);

// tau that calibrate() asks for: some way above the gate's kLeastTau, since other texts come.
inline constexpr double kCalibratedTau = 0.985;

struct Calibration {
  std::set<std::string> bf16;    // groups of linear layers (models/layer_weights.h)
  std::size_t groups = 0;        // that the model has
  double int8_tau = 0, tau = 0;  // mean over the questions: all in int8; with `bf16`
};

// Scores the candidates of the questions (one vector of encodings each) in f32 and in int8. Where
// tau is below kCalibratedTau, every group is tried alone in bf16, and those that help most are
// kept until tau reaches it, at most half of them. `folder`: weights in floats. Calls step() after
// each of the 2 or more scorings; what it throws ends the calibration.
Calibration calibrate(const std::string& folder, std::span<const std::vector<Encoding>> questions,
                      int threads, const std::function<void()>& step);

}  // namespace narabi::engine
