#include "eval/platt.h"

#include <algorithm>
#include <cmath>

#include "narabi/error.h"

namespace narabi::eval {
namespace {

constexpr std::size_t kBins = 10;
constexpr int kMostSteps = 100;

double logistic(double x) {
  return 1 / (1 + std::exp(-x));
}

// log(1 + e^x) without overflow.
double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
}

// What fitting looks at: the logits, and the probability that each should be given.
struct Targets {
  std::span<const JudgedLogit> judged;
  double relevant = 0, other = 0;

  double of(const JudgedLogit& one) const { return one.relevant ? relevant : other; }
  double loss(const PlattScaling& scaling) const {
    double sum = 0;
    for (const JudgedLogit& one : judged) {
      const double x = scaling.scale * one.logit + scaling.offset;
      sum += softplus(x) - of(one) * x;
    }
    return sum;
  }
};

Targets targets_of(std::span<const JudgedLogit> judged) {
  double relevant = 0;
  for (const JudgedLogit& one : judged) {
    if (!std::isfinite(one.logit))
      throw InvalidArgument("expected finite logits to fit a probability to, found another");
    relevant += one.relevant;
  }
  const double other = static_cast<double>(judged.size()) - relevant;
  if (relevant == 0 || other == 0) {
    throw InvalidArgument("expected relevant and other passages to fit a probability to, found " +
                          std::string(relevant == 0 ? "no relevant ones" : "relevant ones alone"));
  }
  return {judged, (relevant + 1) / (relevant + 2), 1 / (other + 2)};
}

// Newton's method with halved steps where one leads up: the loss is convex.
PlattScaling minimise(const Targets& targets, PlattScaling at) {
  double loss = targets.loss(at);
  for (int step = 0; step < kMostSteps; ++step) {
    double g_scale = 0, g_offset = 0, h_scale = 1e-12, h_offset = 1e-12, h_both = 0;
    for (const JudgedLogit& one : targets.judged) {
      const double p = logistic(at.scale * one.logit + at.offset);
      const double error = p - targets.of(one), weight = p * (1 - p);
      g_scale += error * one.logit;
      g_offset += error;
      h_scale += weight * one.logit * one.logit;
      h_offset += weight;
      h_both += weight * one.logit;
    }
    const double determinant = h_scale * h_offset - h_both * h_both;
    const PlattScaling move = {(h_both * g_offset - h_offset * g_scale) / determinant,
                               (h_both * g_scale - h_scale * g_offset) / determinant};
    double length = 1;
    PlattScaling next = at;
    double lower = loss;
    for (; length > 1e-10; length /= 2) {
      next = {at.scale + length * move.scale, at.offset + length * move.offset};
      lower = targets.loss(next);
      if (lower < loss) break;
    }
    if (!(lower < loss)) break;
    const bool done = loss - lower < 1e-12 * loss;
    at = next;
    loss = lower;
    if (done) break;
  }
  return at;
}

}  // namespace

double PlattScaling::probability(double logit) const {
  return logistic(scale * logit + offset);
}

PlattScaling fit_platt(std::span<const JudgedLogit> judged) {
  const Targets targets = targets_of(judged);
  const auto [least, most] = std::minmax_element(
      judged.begin(), judged.end(), [](const auto& a, const auto& b) { return a.logit < b.logit; });
  if (least->logit == most->logit)
    throw InvalidArgument("expected logits that differ, found all equal: they say nothing");
  const PlattScaling found = minimise(targets, {0, 0});
  if (!(found.scale > 0))
    throw InvalidArgument(
        "expected higher logits to be relevant more often, found the contrary: no scaling makes "
        "probabilities of them");
  return found;
}

double fit_offset(std::span<const JudgedLogit> judged, double scale) {
  const Targets targets = targets_of(judged);
  double low = 0, high = 0;  // far enough that all is said to be irrelevant, or relevant
  for (const JudgedLogit& one : judged) {
    low = std::min(low, -scale * one.logit - 50);
    high = std::max(high, -scale * one.logit + 50);
  }
  // The sum of what is said rises with the offset: by halves to the one that says as much as it
  // should, which has the least loss.
  for (int step = 0; step < kMostSteps; ++step) {
    const double middle = (low + high) / 2;
    double too_much = 0;
    for (const JudgedLogit& one : judged)
      too_much += logistic(scale * one.logit + middle) - targets.of(one);
    (too_much > 0 ? high : low) = middle;
  }
  return (low + high) / 2;
}

Reliability reliability(std::span<const JudgedLogit> judged, std::span<const double> said) {
  Reliability all{.bins = std::vector<ReliabilityBin>(kBins)};
  if (judged.empty()) return all;
  constexpr double kLeast = 1e-15;  // what is said with certainty and wrong costs 34.5
  for (std::size_t i = 0; i < judged.size(); ++i) {
    const double p = std::clamp(said[i], kLeast, 1 - kLeast);
    all.log_loss -= std::log(judged[i].relevant ? p : 1 - p);
    auto& bin = all.bins[std::min(kBins - 1, static_cast<std::size_t>(said[i] * kBins))];
    ++bin.pairs;
    bin.relevant += judged[i].relevant;
    bin.said += said[i];
  }
  for (ReliabilityBin& bin : all.bins) {
    all.calibration_error += std::fabs(bin.said - static_cast<double>(bin.relevant));
    if (bin.pairs > 0) bin.said /= static_cast<double>(bin.pairs);
  }
  const auto count = static_cast<double>(judged.size());
  all.log_loss /= count;
  all.calibration_error /= count;
  return all;
}

}  // namespace narabi::eval
