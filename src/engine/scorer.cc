#include "engine/scorer.h"

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <numeric>
#include <utility>

#include "base/cpu.h"
#include "base/thread_pool.h"
#include "engine/precision.h"
#include "models/pooling.h"
#include "models/registry.h"
#include "narabi/error.h"

namespace narabi::engine {
namespace {

constexpr std::size_t kBatchRows = 256;
// Below as many sequences for each worker, all workers share every pass: their ends would lie too
// far apart.
constexpr std::size_t kSharedBelow = 3;

models::Operands operands_for(Precision most, const LayerPrecisions& layers) {
  return {operand_of(most), operands_of(layers)};
}

// The workers of a pool, each with its workspace.
class PoolCrew final : public models::Crew {
 public:
  PoolCrew(base::ThreadPool& pool, std::vector<models::Workspace>& workspaces)
      : pool_(pool), workspaces_(workspaces) {}
  std::size_t members() const override { return workspaces_.size(); }
  void share(std::size_t count,
             const std::function<void(std::size_t, models::Workspace&)>& body) override {
    pool_.parallel_for(count, [&](std::size_t piece, int worker) {
      body(piece, workspaces_[static_cast<std::size_t>(worker)]);
    });
  }

 private:
  base::ThreadPool& pool_;
  std::vector<models::Workspace>& workspaces_;
};

// A model, its workers, and one workspace a worker, another for what they do together.
class Runner {
 public:
  Runner(models::LoadedModel model, const ModelOptions& options)
      : model_(std::move(model)),
        pool_(options.threads > 0 ? options.threads : base::available_cores()),
        workspaces_(static_cast<std::size_t>(pool_.threads())),
        crew_(pool_, workspaces_) {
    shared_.set_crew(&crew_);
  }

  const models::LoadedModel& model() const { return model_; }
  int threads() const { return pool_.threads(); }

  // Calls done(i, hidden [N, H] or the first one, tokens) for encodings[chosen[i]], on any thread.
  // Longest first: the last batches to be taken are short, so that workers end together.
  template <typename Done>
  void run(std::span<const Encoding> encodings, std::span<const std::size_t> chosen,
           models::Wanted wanted, Done done) const {
    const auto encoding = [&](std::size_t i) -> const Encoding& { return encodings[chosen[i]]; };
    std::vector<std::size_t> order(chosen.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return encoding(a).input_ids.size() > encoding(b).input_ids.size();
    });
    std::vector<std::size_t> lengths;
    lengths.reserve(order.size());
    for (const std::size_t i : order) lengths.push_back(encoding(i).input_ids.size());
    const auto threads = static_cast<std::size_t>(pool_.threads());
    const bool together = threads > 1 && order.size() < kSharedBelow * threads;
    const std::vector<std::size_t> ends =
        together ? cut(lengths, kBatchRows * threads) : cut(lengths, rows_a_batch(lengths));
    const auto forward = [&](std::size_t b, models::Workspace& workspace) {
      const std::size_t begin = b == 0 ? 0 : ends[b - 1];
      std::vector<models::Sequence> batch;
      for (std::size_t i = begin; i < ends[b]; ++i) batch.push_back(input(encoding(order[i])));
      const std::vector<const float*> hidden =
          model_.encoder->forward(batch, wanted, workspace, nullptr);
      for (std::size_t i = begin; i < ends[b]; ++i)
        done(order[i], hidden[i - begin], batch[i - begin].input_ids.size());
    };
    const std::lock_guard turn(turn_);
    if (together) {
      for (std::size_t b = 0; b < ends.size(); ++b) forward(b, shared_);
    } else {
      pool_.parallel_for(ends.size(), [&](std::size_t b, int worker) {
        forward(b, workspaces_[static_cast<std::size_t>(worker)]);
      });
    }
  }

 private:
  // Weights come from the outer caches once a batch. Fewer rows where there is little work, so that
  // every worker has some.
  std::size_t rows_a_batch(std::span<const std::size_t> lengths) const {
    const std::size_t total = std::accumulate(lengths.begin(), lengths.end(), std::size_t{0});
    return std::min(kBatchRows, total / (4 * static_cast<std::size_t>(pool_.threads())));
  }

  // Where batches end: sequences that follow each other and together have at most `limit` tokens.
  static std::vector<std::size_t> cut(std::span<const std::size_t> lengths, std::size_t limit) {
    std::vector<std::size_t> ends;
    std::size_t rows = 0;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      if (i > 0 && rows + lengths[i] > limit) {
        ends.push_back(i);
        rows = 0;
      }
      rows += lengths[i];
    }
    if (!lengths.empty()) ends.push_back(lengths.size());
    return ends;
  }

  models::Sequence input(const Encoding& encoding) const {
    models::Sequence sequence{.input_ids = encoding.input_ids, .token_type_ids = {}};
    if (model_.encoder->shape().token_types > 1) sequence.token_type_ids = encoding.token_type_ids;
    return sequence;
  }

  models::LoadedModel model_;
  mutable base::ThreadPool pool_;
  mutable std::vector<models::Workspace> workspaces_;  // used by one worker each, inside run()
  mutable PoolCrew crew_;
  mutable models::Workspace shared_;
  mutable std::mutex turn_;  // run() has the workers and the workspaces to itself
};

// Encodings without repetitions, and for every given one its place among them.
struct Distinct {
  std::vector<std::size_t> first;  // an index into the encodings given
  std::vector<std::size_t> place;
};

Distinct distinct_of(std::span<const Encoding> encodings) {
  std::map<std::pair<std::span<const std::int32_t>, std::span<const std::int32_t>>, std::size_t,
           decltype([](const auto& a, const auto& b) {
             const auto less = [](auto x, auto y) {
               return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end());
             };
             if (less(a.first, b.first)) return true;
             return !less(b.first, a.first) && less(a.second, b.second);
           })>
      seen;
  Distinct distinct;
  for (std::size_t i = 0; i < encodings.size(); ++i) {
    const auto [entry, added] = seen.try_emplace(
        {encodings[i].input_ids, encodings[i].token_type_ids}, distinct.first.size());
    if (added) distinct.first.push_back(i);
    distinct.place.push_back(entry->second);
  }
  return distinct;
}

}  // namespace

struct Scorer::Impl {
  Impl(models::LoadedModel model, const ModelOptions& options, Precision chosen)
      : runner(std::move(model), options), precision(chosen) {}
  Runner runner;
  Precision precision;
};

Scorer::Scorer(const std::string& folder, const ModelOptions& options) {
  const Precision chosen = choose_precision(folder, options.precision);
  const LayerPrecisions layers = for_this_cpu(recorded_layers(folder, chosen));
  impl_ = std::make_unique<Impl>(models::load_reranker(folder, operands_for(chosen, layers)),
                                 options, chosen);
}
Scorer::Scorer(const std::string& folder, const ModelOptions& options,
               const LayerPrecisions& layers) {
  const Precision chosen = choose_precision(folder, options.precision);
  impl_ = std::make_unique<Impl>(models::load_reranker(folder, operands_for(chosen, layers)),
                                 options, chosen);
}
Scorer::~Scorer() = default;

std::vector<float> Scorer::logits(std::span<const Encoding> encodings) const {
  const Distinct distinct = distinct_of(encodings);
  std::vector<float> found(distinct.first.size());
  const models::Head& head = *impl_->runner.model().head;
  impl_->runner.run(encodings, distinct.first, head.wanted(),
                    [&](std::size_t i, const float* hidden, std::size_t tokens) {
                      found[i] = head.logit(hidden, tokens, nullptr);
                    });
  std::vector<float> logits;
  for (const std::size_t place : distinct.place) logits.push_back(found[place]);
  return logits;
}

int Scorer::max_positions() const {
  return impl_->runner.model().encoder->shape().max_tokens;
}
int Scorer::vocabulary_size() const {
  return impl_->runner.model().encoder->shape().vocabulary;
}
Precision Scorer::precision() const {
  return impl_->precision;
}
int Scorer::threads() const {
  return impl_->runner.threads();
}

struct VectorScorer::Impl {
  Impl(models::LoadedModel model, const ModelOptions& options, Pooling chosen)
      : runner(std::move(model), options), pooling(chosen) {}
  Runner runner;
  Pooling pooling;
};

VectorScorer::VectorScorer(const std::string& folder, Pooling pooling,
                           const ModelOptions& options) {
  const Precision chosen = choose_precision(folder, options.precision);
  const LayerPrecisions layers = for_this_cpu(recorded_layers(folder, chosen));
  impl_ = std::make_unique<Impl>(models::load_encoder(folder, operands_for(chosen, layers)),
                                 options, pooling);
}
VectorScorer::~VectorScorer() = default;

std::vector<float> VectorScorer::vectors(std::span<const Encoding> encodings) const {
  const auto width = static_cast<std::size_t>(dimension());
  std::vector<std::size_t> every(encodings.size());
  std::iota(every.begin(), every.end(), std::size_t{0});
  std::vector<float> vectors(encodings.size() * width);
  const auto wanted =
      impl_->pooling == Pooling::kMean ? models::Wanted::kAll : models::Wanted::kFirst;
  impl_->runner.run(encodings, every, wanted,
                    [&](std::size_t i, const float* hidden, std::size_t tokens) {
                      float* out = vectors.data() + i * width;
                      if (impl_->pooling == Pooling::kMean) {
                        const std::vector<float> mean = models::mean_pool(hidden, tokens, width);
                        std::copy(mean.begin(), mean.end(), out);
                      } else {
                        std::copy(hidden, hidden + width, out);
                      }
                    });
  return vectors;
}

int VectorScorer::dimension() const {
  return impl_->runner.model().encoder->shape().hidden;
}
int VectorScorer::max_positions() const {
  return impl_->runner.model().encoder->shape().max_tokens;
}
int VectorScorer::vocabulary_size() const {
  return impl_->runner.model().encoder->shape().vocabulary;
}
int VectorScorer::threads() const {
  return impl_->runner.threads();
}

}  // namespace narabi::engine
