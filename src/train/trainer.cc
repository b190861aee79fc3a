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
#include <utility>

#include "base/cpu.h"
#include "base/thread_pool.h"
#include "narabi/error.h"
#include "narabi/tokenizer.h"
#include "train/device.h"
#include "train/export.h"
#include "train/folder_lock.h"
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

// A head at random would be distilled as if it knew something.
LoadedModel load_teacher(const std::string& path, const torch::Device& device) {
  const checkpoint::ModelFolder folder(path);
  const auto names = folder.config().texts("architectures");
  if (names.size() != 1 || !names[0].ends_with("ForSequenceClassification"))
    throw InvalidArgument(
        fmt::format("{}: architectures: expected a reranker (...ForSequenceClassification) as "
                    "teacher, found {}",
                    folder.config().path(), names.empty() ? "none" : names[0]));
  LoadedModel loaded{make_model(folder.config(), Task::kRerank), std::make_unique<Tokenizer>(path)};
  loaded.model->load(folder, /*whole=*/true);
  loaded.model->parameters().move_to(device);
  return loaded;
}

// What would otherwise end at the first long pair or rare token, in the middle of an epoch.
void require_room(const LoadedModel& loaded, const std::string& config_path, int max_length) {
  const std::int64_t most = loaded.model->max_tokens(), rows = loaded.model->vocabulary();
  if (max_length > most)
    throw InvalidArgument(
        fmt::format("data.max_length: expected at most {}, as many tokens as {} has positions for "
                    "(max_position_embeddings), found {}",
                    most, config_path, max_length));
  if (loaded.tokenizer->vocabulary_size() > rows)
    throw InvalidArgument(
        fmt::format("{}: vocab_size: expected at least {}, the ids of the tokenizer, found {}",
                    config_path, loaded.tokenizer->vocabulary_size(), rows));
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

// Of the steps since the last line of the log: sums, and the last step's.
struct Report {
  std::int64_t steps = 0;
  double loss = 0, tokens = 0, seconds = 0, lr = 0, norm = 0;
};

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
    told_ = describe(config_) + describe_files(config_);
    optimizer_.emplace(trained_.model->parameters(), config.optimizer);
    shuffle_.emplace(objective_->size(), config.seed);
    open_output();
  }

  Outcome run() {
    if (progress_.step > 0 && finished() && is_exported()) {
      if (world_->rank() == 0)
        fmt::print(stderr, "{}: already finished at step {}; --restart to begin again\n",
                   config_.output, progress_.step);
      return Outcome::kDone;
    }
    const auto begin = steady_clock::now();
    const double before = progress_.seconds;
    while (!finished()) {
      one_step();
      progress_.seconds = world_->largest(before + seconds_since(begin));  // all stop together
      const bool stop = world_->largest(options_.stop != nullptr && *options_.stop ? 1 : 0) > 0;
      if (stop || finished() || report_.steps >= config_.log_every) report();
      if (validation_ && validation_is_due()) validate();
      if (finished() && report_.steps > 0) report();  // patience has ended it
      if (!validation_ && finished()) export_best();
      if (stop || finished() || progress_.step % config_.checkpoint_every == 0) save();
      if (stop && !finished()) return Outcome::kInterrupted;
    }
    if (!is_exported()) {  // interrupted, and now told of an earlier end
      export_best();
      save();
    }
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
      require_room(trained_, config_path_, config_.data.max_length);  // lexical counts by ids
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
      require_room(trained_, config_path_, config_.data.max_length);
    }
    if (config_.teacher.empty()) return;
    teacher_ = load_teacher(config_.teacher, device_);
    require_room(teacher_, config_.teacher + "/config.json", config_.data.max_length);
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
    fs::create_directories(config_.output, error);
    if (error) throw IoError(config_.output + ": " + error.message());
    if (world_->rank() == 0) lock_.emplace(config_.output);
    if (options_.restart && world_->rank() == 0) fs::remove_all(training_, error);
    world_->barrier();
    fs::create_directories(training_, error);
    if (error) throw IoError(training_ + ": " + error.message());
    if (auto found = resume(training_, told_, trained_.model->parameters(), *optimizer_)) {
      progress_ = *found;
      say(fmt::format("going on from step {}", progress_.step));
    }
    tenth_ = tenths();
    if (world_->rank() == 0) log_.emplace(training_, progress_.step, options_.json);
    say(fmt::format("{} parameters, {} examples, {} of {}, {} threads, {} on {}",
                    trained_.model->parameters().count(), objective_->size(),
                    steps_ > 0 ? fmt::format("{} steps", steps_) : "steps", config_.batch,
                    pool_.threads(), *config_.bf16 ? "bf16" : "f32", device_.str()));
  }

  // How much of the run is behind, 0 to 1: by steps, or by the clock where that is what ends it.
  // Without a number of steps (0) the clock alone says so.
  double fraction() const {
    const double by_steps =
        steps_ > 0 ? static_cast<double>(progress_.step) / static_cast<double>(steps_) : 0;
    if (config_.time_limit <= 0) return by_steps;
    return std::max(by_steps, progress_.seconds / (60 * config_.time_limit));
  }
  int tenths() const { return static_cast<int>(10 * fraction()); }

  bool finished() const {
    if (config_.stop_after > 0 && progress_.step >= config_.stop_after) return true;
    if (config_.patience > 0 && progress_.since_best >= config_.patience) return true;
    return fraction() >= 1;
  }

  // Every so many steps, or ten times a run.
  bool validation_is_due() {
    if (finished()) return true;
    if (config_.validate_every > 0) return progress_.step % config_.validate_every == 0;
    if (steps_ > 0) return progress_.step % std::max<std::int64_t>(1, steps_ / 10) == 0;
    const bool due = tenths() > tenth_;
    tenth_ = tenths();
    return due;
  }

  // With a validation set the best is written when it is found.
  bool is_exported() const {
    return (validation_ ? progress_.best >= 0 : progress_.exported == progress_.step) &&
           fs::exists(config_.output + "/model.safetensors");
  }

  // The schedule's place, in steps: the clock's where that is further on.
  double rate() const {
    constexpr std::int64_t kClockSteps = 10000;  // where the clock alone counts
    const std::int64_t steps = steps_ > 0 ? steps_ : kClockSteps;
    const auto place = config_.time_limit > 0
                           ? static_cast<std::int64_t>(fraction() * static_cast<double>(steps))
                           : progress_.step;
    return learning_rate(config_.optimizer, place, steps);
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
    ++report_.steps;
    report_.loss += loss;
    report_.tokens += world_->sum(static_cast<double>(data.tokens));
    report_.seconds += seconds_since(begin);
    report_.lr = lr;
    report_.norm = norm;
  }

  void report() {
    const Report last = std::exchange(report_, {});
    const double count = static_cast<double>(last.steps), per_s = last.tokens / last.seconds;
    if (world_->rank() == 0) {
      log_->add(progress_.step, {{"loss", last.loss / count},
                                 {"lr", last.lr},
                                 {"grad_norm", last.norm},
                                 {"tokens_per_s", per_s}});
    }
    double left = 60 * config_.time_limit - progress_.seconds;
    if (steps_ > 0) {
      const double by_steps = last.seconds / count * static_cast<double>(steps_ - progress_.step);
      left = config_.time_limit > 0 ? std::min(left, by_steps) : by_steps;
    }
    say(fmt::format("step {}{}  loss {:.4f}  lr {:.2e}  grad {:.2f}  {:.0f} tokens/s  ETA {:.0f} s",
                    progress_.step, steps_ > 0 ? fmt::format("/{}", steps_) : "", last.loss / count,
                    last.lr, last.norm, per_s, std::max(0.0, left)));
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
    if (quality.spread < kCollapsed && world_->rank() == 0)
      fmt::print(stderr,
                 "step {}: warning: the logits of a group differ by {:.1e} only: the model has "
                 "collapsed to a constant; a lower lr, a longer warm-up or easier negatives may "
                 "help\n",
                 progress_.step, quality.spread);
  }

  void export_best() {
    progress_.exported = progress_.step;
    if (world_->rank() == 0)
      export_model(config_.output, *trained_.model, config_.task, config_path_, tokenizer_folder_,
                   config_.model.dtype);
  }

  void save() {
    if (world_->rank() == 0)
      save_checkpoint(training_, told_, trained_.model->parameters(), *optimizer_, progress_);
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
  std::string told_;  // what a checkpoint has to agree with
  base::ThreadPool pool_;
  std::unique_ptr<World> world_;
  torch::Device device_;
  PairLimits limits_;
  LoadedModel trained_, teacher_;
  std::unique_ptr<Objective> objective_;
  std::optional<Validation> validation_;
  std::optional<AdamW> optimizer_;
  std::optional<Shuffle> shuffle_;
  std::optional<FolderLock> lock_;
  std::optional<MetricsLog> log_;
  Progress progress_;
  std::int64_t steps_ = 0;  // 0: by the clock
  int tenth_ = 0;           // of the run, where the last validation was
  Report report_;
};

}  // namespace

Outcome train(const TrainConfig& config, const RunOptions& options) {
  return Trainer(config, options).run();
}

}  // namespace narabi::train
