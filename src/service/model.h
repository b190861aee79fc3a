// One loaded model folder, as the service holds it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "narabi/embedder.h"
#include "narabi/inspect.h"
#include "narabi/options.h"
#include "narabi/reranker.h"
#include "narabi/tokenizer.h"
#include "rerank/activation.h"

namespace narabi::service {

enum class ModelKind { kReranker, kEmbedder };

// probability = sigmoid(scale x logit + offset), from narabi.json: {"calibration": {"scale": 1.7,
// "offset": -0.2}}. scale > 0, so that the order stays.
struct Calibration {
  double scale = 1;
  double offset = 0;
};

// Immutable but for its measured speed; shared by the slot and by every request that began with it.
class Model {
 public:
  // Loads and warms up: the first request is as fast as the thousandth. Throws Error.
  Model(std::string name, std::string folder, const ModelOptions& options, std::uint64_t number);

  const std::string& name() const { return name_; }
  const std::string& folder() const { return folder_; }
  // "3-1f09ab34cd56": the number of the load, and a fingerprint of the folder.
  const std::string& version() const { return version_; }
  const std::string& fingerprint() const { return fingerprint_; }
  ModelKind kind() const { return kind_; }
  const ModelSummary& summary() const { return summary_; }
  const std::optional<Calibration>& calibration() const { return calibration_; }
  int max_length() const { return max_length_; }
  double loaded_in() const { return loaded_in_; }  // seconds

  const Reranker& reranker() const { return *reranker_; }  // kReranker only
  const Embedder& embedder() const { return *embedder_; }  // kEmbedder only
  const Tokenizer& tokenizer() const;                      // loaded when first asked for

  // Of a logit, in double: a float sigmoid is exactly 1 from 17 on, and ties.
  double score(float logit) const;
  double probability(float logit) const;  // calibrated; only where calibration() is there

  // Tokens that `bytes` of text probably are: three bytes of UTF-8 are one Japanese character, and
  // a token is seldom shorter.
  std::size_t estimate_tokens(std::size_t bytes) const;
  double tokens_per_second() const { return rate_.load(); }  // of estimated tokens, lately
  void observe(std::size_t estimated_tokens, double seconds) const;

 private:
  void warm_up();

  std::string name_, folder_, version_, fingerprint_;
  ModelKind kind_ = ModelKind::kReranker;
  ModelSummary summary_;
  std::optional<Calibration> calibration_;
  rerank::Activation activation_ = rerank::Activation::kSigmoid;
  int max_length_ = 0;
  double loaded_in_ = 0;
  std::unique_ptr<Reranker> reranker_;
  std::unique_ptr<Embedder> embedder_;
  mutable std::once_flag tokenizer_once_;
  mutable std::unique_ptr<Tokenizer> tokenizer_;
  mutable std::atomic<double> rate_{5000};
};

using ModelPtr = std::shared_ptr<const Model>;

// 12 hexadecimal digits that change when a file of the folder does. Sizes, times and the ends of
// the files are read, not the whole of them: a restart has to take less than a second.
std::string fingerprint(const std::string& folder);

}  // namespace narabi::service
