#include "train/trainer.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <malloc.h>
#include <torch/autograd.h>
#include <torch/cuda.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>
#include <random>

#include "base/cpu.h"
#include "base/thread_pool.h"
#include "narabi/error.h"
#include "narabi/tokenizer.h"
#include "train/device.h"
#include "train/export.h"
#include "train/gradient_sum.h"
#include "train/lexical_start.h"
#include "train/masked_lm_objective.h"
#include "train/match_heads.h"
#include "train/metrics_log.h"
#include "train/rerank_objective.h"
#include "train/training_state.h"
#include "train/validation.h"
#include "train/world.h"

namespace narabi::train {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr std::uint64_t kShuffle = 0x5348, kDropout = 0x4452;  // streams of random numbers

double seconds_since(steady_clock::time_point start) {
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

// A model from a folder, with its tokenizer.
struct LoadedModel {
  std::unique_ptr<Model> model;
  std::unique_ptr<Tokenizer> tokenizer;
  Reader reader() const { return {model.get(), tokenizer.get()}; }
};

LoadedModel load_model(const std::string& path, Task task, double init_std, std::uint64_t seed,
                       const torch::Device& device) {
  const checkpoint::ModelFolder folder(path);
  LoadedModel loaded{make_model(folder.config(), task), std::make_unique<Tokenizer>(path)};
  loaded.model->parameters().initialise(init_std, seed);  // of a head that the folder lacks
  loaded.model->load(folder);
  loaded.model->parameters().move_to(device);
  return loaded;
}

// The id that the text of a token in tokenizer_config.json has.
std::int64_t token_id(const std::string& folder, const char* key, const Tokenizer& tokenizer) {
  const checkpoint::ConfigFile file(folder + "/tokenizer_config.json");
  const std::string dotted = std::string(key) + ".content";
  const std::string text = file.has(dotted) ? file.text(dotted) : file.text(key);
  const Encoding encoding = tokenizer.encode_plain(text);
  if (encoding.input_ids.size() != 1)
    throw InvalidFormat(file.path() + ": " + key + ": expected one token, found " + text);
  return encoding.input_ids[0];
}

// The order of an epoch's examples; keeps the one asked for last.
class Shuffle {
 public:
  Shuffle(std::size_t size, std::uint64_t seed) : order_(size), seed_(seed) {}
  // `position` counts examples from the beginning of training.
  Draw at(std::uint64_t position) {
    const std::uint64_t epoch = position / order_.size();
    if (epoch != epoch_) {
      epoch_ = epoch;
      std::iota(order_.begin(), order_.end(), std::size_t{0});
      std::mt19937_64 random(mix(seed_ ^ kShuffle, epoch));
      std::shuffle(order_.begin(), order_.end(), random);
    }
    return {order_[position % order_.size()], mix(seed_, position)};
  }

 private:
  std::vector<std::size_t> order_;
  std::uint64_t seed_, epoch_ = ~0ull;
};

TrainConfig with_precision(TrainConfig config) {
  if (!config.bf16) config.bf16 = is_faster_in_bf16(find_device(config.device));
  return config;
}

class Trainer {
 public:
  Trainer(const TrainConfig& config, const RunOptions& options)
      : config_(with_precision(config)),
        options_(options),
        training_(config.output + "/training"),
        pool_(config.threads > 0 ? config.threads : base::available_cores()),
        world_(World::from_environment()),
        device_(find_device(config.device)) {
    at::set_num_threads(1);
    limits_ = {config.data.max_length, config.data.truncation, config.micro_batch_tokens};
    load_models();
    make_objective();
    if (!config.data.validation.empty())
      validation_.emplace(config.data.validation, config.data.validation_limit, limits_);
    steps_ = config.steps > 0 ? config.steps
                              : static_cast<std::int64_t>(std::ceil(
                                    config.epochs * static_cast<double>(objective_->size()) /
                                    static_cast<double>(config.batch)));
    optimizer_.emplace(trained_.model->parameters(), config.optimizer);
    shuffle_.emplace(objective_->size(), config.seed);
    open_output();
  }

  Outcome run() {
    const auto begin = steady_clock::now();
    const double before = progress_.seconds;
    while (!finished()) {
      one_step();
      progress_.seconds = world_->largest(before + seconds_since(begin));  // all stop together
      const bool stop = world_->largest(options_.stop != nullptr && *options_.stop ? 1 : 0) > 0;
      const bool validated = validation_ && (progress_.step % validate_every() == 0 || finished());
      if (validated) validate();
      if (stop || finished() || progress_.step % config_.checkpoint_every == 0) save();
      if (stop && !finished()) return Outcome::kInterrupted;
    }
    if (!validation_) export_best();
    if (world_->rank() == 0) log_->write_report(config_.output);
    return Outcome::kDone;
  }

 private:
  void load_models() {
    if (config_.model.from.empty()) {
      tokenizer_folder_ = config_.model.tokenizer;
      config_path_ = config_.model.config;
      trained_ = {make_model(checkpoint::ConfigFile(config_path_), config_.task),
                  std::make_unique<Tokenizer>(tokenizer_folder_)};
      trained_.model->parameters().initialise(config_.model.init_std, config_.seed);
      using Start = decltype(config_.model.start);
      if (config_.model.start == Start::kMatch)
        add_match_heads(trained_.model->parameters(), checkpoint::ConfigFile(config_path_),
                        config_.seed);
      if (config_.model.start == Start::kLexical)
        start_lexical(trained_.model->parameters(), checkpoint::ConfigFile(config_path_),
                      tokenizer_folder_, config_.model.texts, config_.seed);
      trained_.model->parameters().move_to(device_);
    } else {
      tokenizer_folder_ = config_.model.from;
      config_path_ = config_.model.from + "/config.json";
      trained_ = load_model(config_.model.from, config_.task, config_.model.init_std, config_.seed,
                            device_);
    }
    if (!config_.teacher.empty())
      teacher_ =
          load_model(config_.teacher, Task::kRerank, config_.model.init_std, config_.seed, device_);
  }

  void make_objective() {
    if (config_.task == Task::kRerank) {
      objective_ = std::make_unique<RerankObjective>(
          config_.data.train, *trained_.tokenizer, teacher_.reader(),
          RerankObjective::Options{limits_, config_.data.group_size, config_.loss, *config_.bf16},
          pool_);
      return;
    }
    MaskedLmObjective::Options options;
    options.max_length = config_.data.max_length;
    options.mask = config_.data.mask;
    options.micro_batch_tokens = config_.micro_batch_tokens;
    options.mask_token = token_id(tokenizer_folder_, "mask_token", *trained_.tokenizer);
    options.vocabulary = checkpoint::ConfigFile(config_path_).integer("vocab_size");
    for (const std::int32_t id : trained_.tokenizer->encode("", 8).input_ids)
      options.special.push_back(id);
    objective_ = std::make_unique<MaskedLmObjective>(config_.data.train, *trained_.tokenizer,
                                                     options, pool_);
  }

  void open_output() {
    std::error_code error;
    if (options_.restart && world_->rank() == 0) fs::remove_all(training_, error);
    world_->barrier();
    fs::create_directories(training_, error);
    if (error) throw IoError(training_ + ": " + error.message());
    const std::string config = describe(config_);
    if (auto found = resume(training_, config, trained_.model->parameters(), *optimizer_)) {
      progress_ = *found;
      say(fmt::format("going on from step {}", progress_.step));
    }
    if (world_->rank() == 0) log_.emplace(training_, progress_.step, options_.json);
    say(fmt::format("{} parameters, {} examples, {} steps of {}, {} threads, {} on {}",
                    trained_.model->parameters().count(), objective_->size(), steps_, config_.batch,
                    pool_.threads(), *config_.bf16 ? "bf16" : "f32", device_.str()));
  }

  // How much of the run is behind, 0 to 1: by steps, or by the clock where that is what ends it.
  double fraction() const {
    const double by_steps = static_cast<double>(progress_.step) / static_cast<double>(steps_);
    if (config_.time_limit <= 0) return by_steps;
    return std::max(by_steps, progress_.seconds / (60 * config_.time_limit));
  }

  bool finished() const {
    if (config_.stop_after > 0 && progress_.step >= config_.stop_after) return true;
    if (config_.patience > 0 && progress_.since_best >= config_.patience) return true;
    return fraction() >= 1;
  }

  std::int64_t validate_every() const {
    return config_.validate_every > 0 ? config_.validate_every
                                      : std::max<std::int64_t>(1, steps_ / 10);
  }

  // The schedule's place, in steps: the clock's where that is further on.
  double rate() const {
    const auto place = config_.time_limit > 0
                           ? static_cast<std::int64_t>(fraction() * static_cast<double>(steps_))
                           : progress_.step;
    return learning_rate(config_.optimizer, place, steps_);
  }

  StepData next_data() {
    std::vector<Draw> draws;
    const auto batch = static_cast<std::uint64_t>(config_.batch);
    for (std::uint64_t i = 0; i < batch; ++i) {
      const Draw draw = shuffle_->at(static_cast<std::uint64_t>(progress_.step) * batch + i);
      if (i % static_cast<std::uint64_t>(world_->size()) ==
          static_cast<std::uint64_t>(world_->rank()))
        draws.push_back(draw);
    }
    return objective_->prepare(draws);
  }

  void one_step() {
    const auto begin = steady_clock::now();
    const StepData data = next_data();
    const double terms = world_->sum(data.terms);
    GradientSum sum(trained_.model->parameters());
    const std::uint64_t seed =
        mix(config_.seed ^ kDropout, static_cast<std::uint64_t>(progress_.step));
    // A part a thread, each operation on one thread: nobody waits for anybody inside of a part.
    for_each_part(data.parts.size(), device_, pool_, [&](std::size_t i) {
      const std::size_t part =
          i * static_cast<std::size_t>(world_->size()) + static_cast<std::size_t>(world_->rank());
      ForwardOptions options{.bf16 = *config_.bf16, .dropout = config_.dropout};
      if (device_.is_cpu()) {
        options.generator = at::detail::createCPUGenerator(mix(seed, part));
      } else {
        torch::cuda::manual_seed(mix(seed, part));
      }
      const torch::Tensor loss =
          objective_->loss(*trained_.model, to_device(data.parts[i], device_), options) / terms;
      sum.add(i,
              torch::autograd::grad({loss}, trained_.model->parameters().tensors(), {},
                                    std::nullopt, false, /*allow_unused=*/true),
              loss.item<double>());
    });
    world_->sum(sum.tensors());
    sum.finish();
    const double loss = world_->sum(sum.loss());
    const double lr = rate();
    const double norm = optimizer_->step(lr);
    if (!std::isfinite(loss) || !std::isfinite(norm)) {
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("step {}: the loss is {} and the gradient's norm {}: lower optimizer.lr "
                      "or use precision: f32. The last checkpoint in {} is intact",
                      progress_.step + 1, loss, norm, training_));
    }
    ++progress_.step;
    report(loss, norm, lr, world_->sum(static_cast<double>(data.tokens)), seconds_since(begin));
  }

  void report(double loss, double norm, double lr, double tokens, double seconds) {
    mean_loss_ += loss;
    mean_tokens_ += tokens;
    mean_seconds_ += seconds;
    if (++since_report_ < config_.log_every && !finished()) return;
    const double count = static_cast<double>(since_report_), per_s = mean_tokens_ / mean_seconds_;
    if (world_->rank() == 0) {
      log_->add(
          progress_.step,
          {{"loss", mean_loss_ / count}, {"lr", lr}, {"grad_norm", norm}, {"tokens_per_s", per_s}});
    }
    const double left = mean_seconds_ / count * static_cast<double>(steps_ - progress_.step);
    const double clock =
        config_.time_limit > 0 ? 60 * config_.time_limit - progress_.seconds : left;
    say(fmt::format(
        "step {}/{}  loss {:.4f}  lr {:.2e}  grad {:.2f}  {:.0f} tokens/s  ETA {:.0f} s",
        progress_.step, steps_, mean_loss_ / count, lr, norm, per_s,
        std::max(0.0, std::min(left, clock))));
    mean_loss_ = mean_tokens_ = mean_seconds_ = 0;
    since_report_ = 0;
  }

  void validate() {
    const Quality quality = validation_->measure(trained_.reader(), *config_.bf16, pool_);
    const bool better = quality.ndcg > progress_.best;
    progress_.since_best = better ? 0 : progress_.since_best + 1;
    if (better) {
      progress_.best = quality.ndcg;
      progress_.best_step = progress_.step;
      export_best();
    }
    if (world_->rank() == 0) {
      log_->add(progress_.step, {{"validation_ndcg@10", quality.ndcg},
                                 {"validation_mrr@10", quality.mrr},
                                 {"validation_hit@1", quality.hit},
                                 {"validation_spread", quality.spread}});
      log_->write_report(config_.output);
    }
    say(fmt::format("step {}  validation nDCG@10 {:.4f}  MRR@10 {:.4f}  hit@1 {:.4f}{}",
                    progress_.step, quality.ndcg, quality.mrr, quality.hit,
                    better ? "  (best)" : ""));
    constexpr double kCollapsed = 1e-3;  // logits that a ranking can hardly be read from
    if (quality.spread < kCollapsed)
      say(fmt::format(
          "warning: the logits of a group differ by {:.1e} only: the model has collapsed "
          "to a constant; a lower lr, a longer warm-up or easier negatives may help",
          quality.spread));
  }

  void export_best() const {
    if (world_->rank() == 0)
      export_model(config_.output, *trained_.model, config_.task, config_path_, tokenizer_folder_,
                   config_.model.dtype);
  }

  void save() {
    if (world_->rank() == 0)
      save_checkpoint(training_, describe(config_), trained_.model->parameters(), *optimizer_,
                      progress_);
    malloc_trim(0);  // parts of ever other sizes leave holes: gigabytes after an hour
    world_->barrier();
  }

  void say(const std::string& line) const {
    if (world_->rank() == 0 && (options_.progress || isatty(STDERR_FILENO) != 0))
      fmt::print(stderr, "{}\n", line);
  }

  const TrainConfig config_;
  const RunOptions& options_;
  std::string training_, tokenizer_folder_, config_path_;
  base::ThreadPool pool_;
  std::unique_ptr<World> world_;
  torch::Device device_;
  PairLimits limits_;
  LoadedModel trained_, teacher_;
  std::unique_ptr<Objective> objective_;
  std::optional<Validation> validation_;
  std::optional<AdamW> optimizer_;
  std::optional<Shuffle> shuffle_;
  std::optional<MetricsLog> log_;
  Progress progress_;
  std::int64_t steps_ = 0, since_report_ = 0;
  double mean_loss_ = 0, mean_tokens_ = 0, mean_seconds_ = 0;
};

}  // namespace

Outcome train(const TrainConfig& config, const RunOptions& options) {
  return Trainer(config, options).run();
}

}  // namespace narabi::train
