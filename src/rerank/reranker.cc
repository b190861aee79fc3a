#include "narabi/reranker.h"

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "base/cpu.h"
#include "base/thread_pool.h"
#include "engine/limits.h"
#include "engine/scorer.h"
#include "narabi/error.h"
#include "narabi/tokenizer.h"
#include "rerank/activation.h"

namespace narabi {
namespace {

// Pairs whose token ids are in memory at a time.
constexpr std::size_t kChunk = 4096;

int thread_count(const ModelOptions& options) {
  return options.threads > 0 ? options.threads : base::available_cores();
}

}  // namespace

struct Reranker::Impl {
  engine::Scorer scorer;  // first: its errors say more about a folder that is none
  Tokenizer tokenizer;
  rerank::Activation activation;
  std::map<std::string, double> blend;
  ModelOptions options;
  int max_length;
  mutable base::ThreadPool tokenizing;

  Impl(const std::string& folder, const ModelOptions& given)
      : scorer(folder, given),
        tokenizer(folder),
        activation(rerank::read_activation(folder)),
        blend(rerank::read_blend(folder)),
        options(given),
        max_length(engine::choose_max_length(folder, given.max_length, scorer.max_positions())),
        tokenizing(thread_count(given)) {
    engine::require_vocabulary(folder, tokenizer.vocabulary_size(), scorer.vocabulary_size());
    // A template may name ids of its own, and a length may be too short for it: better said now
    // than at the first pair.
    const Encoding bare = tokenizer.encode_pair("", "", max_length, options.truncation);
    for (const std::int32_t id : bare.input_ids)
      engine::require_vocabulary(folder, id + 1, scorer.vocabulary_size());
  }

  void score_chunk(std::span<const Pair> pairs, std::vector<Score>& scores) const {
    std::vector<Encoding> encodings(pairs.size());
    tokenizing.parallel_for(pairs.size(), [&](std::size_t i, int) {
      encodings[i] =
          tokenizer.encode_pair(pairs[i].query, pairs[i].passage, max_length, options.truncation);
    });
    const std::vector<float> logits = scorer.logits(encodings);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      scores.push_back({.logit = logits[i],
                        .score = rerank::activate(activation, logits[i]),
                        .tokens = static_cast<int>(encodings[i].input_ids.size()),
                        .truncated = encodings[i].truncated,
                        .query_truncated = encodings[i].query_truncated});
    }
  }
};

Reranker::Reranker(const std::string& folder, const ModelOptions& options)
    : impl_(std::make_unique<Impl>(folder, options)) {}
Reranker::~Reranker() = default;
Reranker::Reranker(Reranker&&) noexcept = default;
Reranker& Reranker::operator=(Reranker&&) noexcept = default;

std::vector<Score> Reranker::score(std::span<const Pair> pairs) const {
  std::vector<Score> scores;
  scores.reserve(pairs.size());
  for (std::size_t begin = 0; begin < pairs.size(); begin += kChunk) {
    impl_->score_chunk(pairs.subspan(begin, std::min(kChunk, pairs.size() - begin)), scores);
  }
  return scores;
}

std::vector<Ranked> Reranker::rerank(std::string_view query,
                                     std::span<const std::string_view> passages,
                                     std::size_t top_n) const {
  std::vector<Pair> pairs;
  pairs.reserve(passages.size());
  for (const std::string_view passage : passages) pairs.push_back({query, passage});
  const std::vector<Score> scores = score(pairs);
  std::vector<Ranked> ranked;
  ranked.reserve(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) ranked.push_back({i, scores[i]});
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Ranked& a, const Ranked& b) { return a.score.logit > b.score.logit; });
  if (top_n > 0 && ranked.size() > top_n) ranked.resize(top_n);
  return ranked;
}

int Reranker::max_length() const {
  return impl_->max_length;
}

const Tokenizer& Reranker::tokenizer() const {
  return impl_->tokenizer;
}

double Reranker::blend_weight(std::string_view first_stage) const {
  const auto found = impl_->blend.find(std::string(first_stage));
  return found == impl_->blend.end() ? 0.0 : found->second;
}

}  // namespace narabi
