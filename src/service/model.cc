#include "service/model.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>

#include "checkpoint/config_file.h"
#include "engine/sentence_transformers.h"
#include "narabi/error.h"

namespace narabi::service {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

std::optional<Calibration> read_calibration(const std::string& folder) {
  const auto file =
      checkpoint::ConfigFile::empty((std::filesystem::path(folder) / "narabi.json").string());
  if (!file.has("calibration")) return std::nullopt;
  const Calibration calibration{file.number("calibration.scale"),
                                file.number("calibration.offset")};
  if (!(calibration.scale > 0) || !std::isfinite(calibration.scale) ||
      !std::isfinite(calibration.offset)) {
    throw InvalidFormat(file.path() + ": calibration: expected a scale > 0 and a finite offset");
  }
  return calibration;
}

}  // namespace

Model::Model(std::string name, std::string folder, const ModelOptions& options,
             std::uint64_t number)
    : name_(std::move(name)), folder_(std::move(folder)) {
  const auto start = Clock::now();
  fingerprint_ = service::fingerprint(folder_);
  version_ = std::to_string(number) + "-" + fingerprint_;
  if (engine::is_embedder(folder_)) {
    kind_ = ModelKind::kEmbedder;
    embedder_ = std::make_unique<Embedder>(folder_, options);
    const std::string encoder = engine::read_layout(folder_).encoder;
    if (std::filesystem::exists(std::filesystem::path(encoder) / "config.json"))
      summary_ = inspect(encoder);
    max_length_ = embedder_->max_length() > 0 ? embedder_->max_length() : 512;
  } else {
    reranker_ = std::make_unique<Reranker>(folder_, options);
    summary_ = inspect(folder_);
    activation_ = rerank::read_activation(folder_);
    calibration_ = read_calibration(folder_);
    max_length_ = reranker_->max_length();
  }
  warm_up();
  loaded_in_ = seconds_since(start);
}

// One short batch touches every page of the weights and makes every primitive, the second one is
// timed.
void Model::warm_up() {
  const std::string query = "日本の首都はどこですか";
  const std::string passage =
      "東京は日本の首都である。人口は約千四百万人で、世界でも有数の都市である。";
  constexpr std::size_t kPassages = 4;
  for (int round = 0; round < 2; ++round) {
    const auto start = Clock::now();
    if (kind_ == ModelKind::kReranker) {
      reranker_->score(std::vector<Pair>(kPassages, Pair{query, passage}));
    } else {
      embedder_->embed(std::vector<std::string_view>(kPassages, passage));
    }
    if (round == 1)
      rate_ = static_cast<double>(kPassages * estimate_tokens(query.size() + passage.size())) /
              std::max(seconds_since(start), 1e-6);
  }
}

const Tokenizer& Model::tokenizer() const {
  if (kind_ == ModelKind::kReranker) return reranker_->tokenizer();
  std::call_once(tokenizer_once_, [&] {
    tokenizer_ = std::make_unique<Tokenizer>(engine::read_layout(folder_).encoder);
  });
  return *tokenizer_;
}

double Model::score(float logit) const {
  return activation_ == rerank::Activation::kIdentity ? logit : sigmoid(logit);
}

double Model::probability(float logit) const {
  return sigmoid(calibration_->scale * logit + calibration_->offset);
}

std::size_t Model::estimate_tokens(std::size_t bytes) const {
  constexpr std::size_t kSpecial = 4;
  return std::min(bytes / 3 + kSpecial, static_cast<std::size_t>(max_length_));
}

void Model::observe(std::size_t estimated_tokens, double seconds) const {
  // A batch of one pair says little about the speed of full batches.
  constexpr std::size_t kEnough = 512;
  constexpr double kNew = 0.2;
  if (estimated_tokens < kEnough) return;
  const double now = static_cast<double>(estimated_tokens) / std::max(seconds, 1e-6);
  rate_ = (1 - kNew) * rate_.load() + kNew * now;
}

}  // namespace narabi::service
