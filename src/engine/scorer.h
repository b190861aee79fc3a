// Encodings to logits or pooled vectors on all cores: the one place that schedules work.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/precision.h"
#include "narabi/options.h"
#include "narabi/tokenizer.h"

namespace narabi::engine {

// A loaded cross-encoder (num_labels 1). Immutable; calls from several threads take turns at the
// pool. Bit-identical logits for an encoding alone, in any batch, in any order, at any number of
// threads.
class Scorer {
 public:
  // In the precision of choose_precision(), but for the recorded_layers(), as for_this_cpu() has
  // them.
  Scorer(const std::string& folder, const ModelOptions& options);
  // `layers` instead of the recorded ones. Throws InvalidArgument for one that the model lacks.
  Scorer(const std::string& folder, const ModelOptions& options, const LayerPrecisions& layers);
  ~Scorer();
  // One logit per encoding; equal encodings are computed once. Throws InvalidArgument when an id or
  // a length does not fit the model.
  std::vector<float> logits(std::span<const Encoding> encodings) const;
  int max_positions() const;    // tokens a sequence may have
  int vocabulary_size() const;  // rows of the embedding matrix
  int threads() const;
  Precision precision() const;  // what kAuto came to

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A loaded encoder with pooling over its final hidden states.
enum class Pooling { kCls, kMean };

class VectorScorer {
 public:
  // `folder`: where config.json lies (the Transformer module's folder).
  VectorScorer(const std::string& folder, Pooling pooling, const ModelOptions& options);
  ~VectorScorer();
  // encodings.size() x dimension() floats, not normalised.
  std::vector<float> vectors(std::span<const Encoding> encodings) const;
  int dimension() const;
  int max_positions() const;
  int vocabulary_size() const;
  int threads() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narabi::engine
