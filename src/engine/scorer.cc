#include "engine/scorer.h"

#include <algorithm>
#include <numeric>

#include "base/cpu.h"
#include "base/thread_pool.h"
#include "models/pooling.h"
#include "models/registry.h"
#include "narabi/error.h"

namespace narabi::engine {
namespace {

constexpr std::size_t kBatchRows = 256;

kernels::Operand operand_of(Precision precision) {
  switch (precision) {
    case Precision::kInt8:
      return kernels::Operand::kInt8;
    case Precision::kBf16:
      return kernels::Operand::kBf16;
    case Precision::kF32:
    case Precision::kAuto:
      break;
  }
  return kernels::Operand::kF32;
}

// A model, its workers, and one workspace a worker.
class Runner {
 public:
  Runner(models::LoadedModel model, const ModelOptions& options)
      : model_(std::move(model)),
        pool_(options.threads > 0 ? options.threads : base::available_cores()),
        workspaces_(static_cast<std::size_t>(pool_.threads())) {}

  const models::LoadedModel& model() const { return model_; }
  int threads() const { return pool_.threads(); }

  // Calls done(index, hidden [N, H] or the first one, tokens) for every encoding, on any thread.
  // Longest first: the last batches to be taken are short, so that workers end together.
  template <typename Done>
  void run(std::span<const Encoding> encodings, models::Wanted wanted, Done done) const {
    std::vector<std::size_t> order(encodings.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return encodings[a].input_ids.size() > encodings[b].input_ids.size();
    });
    const std::vector<std::size_t> ends = cut(encodings, order);
    pool_.parallel_for(ends.size(), [&](std::size_t b, int worker) {
      const std::size_t begin = b == 0 ? 0 : ends[b - 1];
      std::vector<models::Sequence> batch;
      for (std::size_t i = begin; i < ends[b]; ++i) batch.push_back(input(encodings[order[i]]));
      const std::vector<const float*> hidden = model_.encoder->forward(
          batch, wanted, workspaces_[static_cast<std::size_t>(worker)], nullptr);
      for (std::size_t i = begin; i < ends[b]; ++i)
        done(order[i], hidden[i - begin], batch[i - begin].input_ids.size());
    });
  }

 private:
  // Where batches end in `order`: sequences that follow each other and together have at most
  // kBatchRows tokens. Weights come from the outer caches once a batch.
  static std::vector<std::size_t> cut(std::span<const Encoding> encodings,
                                      std::span<const std::size_t> order) {
    std::vector<std::size_t> ends;
    std::size_t rows = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::size_t tokens = encodings[order[i]].input_ids.size();
      if (i > 0 && rows + tokens > kBatchRows) {
        ends.push_back(i);
        rows = 0;
      }
      rows += tokens;
    }
    if (!order.empty()) ends.push_back(order.size());
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
};

}  // namespace

struct Scorer::Impl {
  Runner runner;
};

Scorer::Scorer(const std::string& folder, const ModelOptions& options)
    : impl_(new Impl{Runner(models::load_reranker(folder, operand_of(options.precision)), options)}) {}
Scorer::~Scorer() = default;

std::vector<float> Scorer::logits(std::span<const Encoding> encodings) const {
  std::vector<float> logits(encodings.size());
  const models::Head& head = *impl_->runner.model().head;
  impl_->runner.run(encodings, head.wanted(), [&](std::size_t i, const float* hidden, std::size_t tokens) {
    logits[i] = head.logit(hidden, tokens, nullptr);
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
    : impl_(new Impl{Runner(models::load_encoder(folder, operand_of(options.precision)), options), pooling}) {}
VectorScorer::~VectorScorer() = default;

std::vector<float> VectorScorer::vectors(std::span<const Encoding> encodings) const {
  const auto width = static_cast<std::size_t>(dimension());
  std::vector<float> vectors(encodings.size() * width);
  const auto wanted = impl_->pooling == Pooling::kMean ? models::Wanted::kAll : models::Wanted::kFirst;
  impl_->runner.run(encodings, wanted, [&](std::size_t i, const float* hidden, std::size_t tokens) {
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
