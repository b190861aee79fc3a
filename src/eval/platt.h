// What a logit says about the probability of being relevant: Platt scaling (Platt 1999), and how
// far said and found are apart.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace narabi::eval {

struct JudgedLogit {
  double logit = 0;
  bool relevant = false;
};

// probability = sigmoid(scale x logit + offset)
struct PlattScaling {
  double scale = 1, offset = 0;
  double probability(double logit) const;
};

// The scaling with the least log loss, towards Platt's targets: (n+ + 1) / (n+ + 2) for the n+
// relevant ones and 1 / (n- + 2) for the others, so that it is finite where a threshold parts them.
// Throws InvalidArgument without relevant or without other ones, for a logit that is not finite,
// and where higher logits are not more often relevant (scale <= 0).
PlattScaling fit_platt(std::span<const JudgedLogit> judged);
// The best offset with `scale` as it is. Throws as above.
double fit_offset(std::span<const JudgedLogit> judged, double scale);

struct ReliabilityBin {  // the pairs of which [i / 10, (i + 1) / 10) is said
  std::size_t pairs = 0, relevant = 0;
  double said = 0;  // mean probability
};

struct Reliability {
  double log_loss = 0;           // mean, in nats
  double calibration_error = 0;  // mean over the pairs of |said - found| of their bin (ECE)
  std::vector<ReliabilityBin> bins;
};

// `said[i]`, in [0, 1], is the probability that is said of judged[i].
Reliability reliability(std::span<const JudgedLogit> judged, std::span<const double> said);

}  // namespace narabi::eval
