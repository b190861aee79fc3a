#include "engine/scorer.h"

#include <algorithm>
#include <numeric>

#include "base/cpu.h"
#include "base/thread_pool.h"
#include "kernels/linear.h"
#include "models/pooling.h"
#include "models/registry.h"
#include "narabi/error.h"

namespace narabi::engine {
namespace {

// A model, its workers, and one workspace a worker.
class Runner {
 public:
  Runner(models::LoadedModel model, const ModelOptions& options)
      : model_(std::move(model)),
        pool_(options.threads > 0 ? options.threads : base::available_cores()),
        workspaces_(static_cast<std::size_t>(pool_.threads())) {}

  const models::LoadedModel& model() const { return model_; }
  int threads() const { return pool_.threads(); }

  // Calls done(index, hidden [N, H], tokens) for every encoding, on any thread. Longest first: the
  // last sequences to be taken are short, so that workers end together.
  template <typename Done>
  void run(std::span<const Encoding> encodings, Done done) const {
    std::vector<std::size_t> order(encodings.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return encodings[a].input_ids.size() > encodings[b].input_ids.size();
    });
    pool_.parallel_for(order.size(), [&](std::size_t i, int worker) {
      kernels::use_one_thread_per_gemm();
      const Encoding& encoding = encodings[order[i]];
      const bool types = model_.encoder->shape().token_types > 1;
      const models::Sequence input{encoding.input_ids,
                                   types ? std::span<const std::int32_t>(encoding.token_type_ids)
                                         : std::span<const std::int32_t>{}};
      const float* hidden =
          model_.encoder->forward(input, workspaces_[static_cast<std::size_t>(worker)], nullptr);
      done(order[i], hidden, encoding.input_ids.size());
    });
  }

 private:
  models::LoadedModel model_;
  mutable base::ThreadPool pool_;
  mutable std::vector<models::Workspace> workspaces_;  // used by one worker each, inside run()
};

}  // namespace

struct Scorer::Impl {
  Runner runner;
};

Scorer::Scorer(const std::string& folder, const ModelOptions& options)
    : impl_(new Impl{Runner(models::load_reranker(folder), options)}) {}
Scorer::~Scorer() = default;

std::vector<float> Scorer::logits(std::span<const Encoding> encodings) const {
  std::vector<float> logits(encodings.size());
  impl_->runner.run(encodings, [&](std::size_t i, const float* hidden, std::size_t tokens) {
    logits[i] = impl_->runner.model().head->logit(hidden, tokens, nullptr);
  });
  return logits;
}

int Scorer::max_positions() const {
  return impl_->runner.model().encoder->shape().max_tokens;
}
int Scorer::vocabulary_size() const {
  return impl_->runner.model().encoder->shape().vocabulary;
}
int Scorer::threads() const {
  return impl_->runner.threads();
}

struct VectorScorer::Impl {
  Runner runner;
  Pooling pooling;
};

VectorScorer::VectorScorer(const std::string& folder, Pooling pooling, const ModelOptions& options)
    : impl_(new Impl{Runner(models::load_encoder(folder), options), pooling}) {}
VectorScorer::~VectorScorer() = default;

std::vector<float> VectorScorer::vectors(std::span<const Encoding> encodings) const {
  const auto width = static_cast<std::size_t>(dimension());
  std::vector<float> vectors(encodings.size() * width);
  impl_->runner.run(encodings, [&](std::size_t i, const float* hidden, std::size_t tokens) {
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
