#include "train/train_config.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <sstream>

#include "base/checksum.h"
#include "narabi/error.h"
#include "train/yaml_reader.h"

namespace narabi::train {
namespace {

namespace fs = std::filesystem;

constexpr double kAny = std::numeric_limits<double>::infinity();
constexpr std::int64_t kMost = 1 << 20;  // groups of a step, tokens of a text

void read_model(YamlReader yaml, TrainConfig& config) {
  yaml.read("from", config.model.from);
  yaml.read("config", config.model.config);
  yaml.read("tokenizer", config.model.tokenizer);
  yaml.read("init_std", config.model.init_std, 0, 10);
  using Start = decltype(config.model.start);
  config.model.start =
      static_cast<Start>(std::max(0, yaml.one_of("init", {"normal", "match", "lexical"})));
  yaml.read("texts", config.model.texts);
  if ((config.model.start == Start::kLexical) == config.model.texts.empty())
    yaml.fail("texts", "expected text files with init: lexical, none without it");
  if (config.model.start != Start::kNormal && !config.model.from.empty())
    yaml.fail("init", "expected none with from, whose weights are trained further");
  if (yaml.one_of("dtype", {"f32", "f16"}) == 1) config.model.dtype = "f16";
  const int parts = !config.model.config.empty() + !config.model.tokenizer.empty();
  if (parts != (config.model.from.empty() ? 2 : 0))
    yaml.fail("from", "expected a model folder, or else both of config and tokenizer");
  yaml.finish();
}

void read_tokenizer(YamlReader yaml, TrainConfig& config) {
  yaml.read("vocabulary", config.tokenizer.vocabulary, 300);
  config.tokenizer.split_scripts = yaml.one_of("split", {"scripts", "digits"}) != 1;
  yaml.read("coverage", config.tokenizer.coverage, 0.5, 1);
  yaml.finish();
}

void read_data(YamlReader yaml, TrainConfig& config) {
  yaml.read("train", config.data.train);
  if (config.data.train.empty()) yaml.fail("train", "expected at least one file, found none");
  yaml.read("validation", config.data.validation);
  if (!config.data.validation.empty() && (config.task != Task::kRerank || config.tokenizer_task))
    yaml.fail("validation", "expected none: groups judge a reranker (task: rerank)");
  yaml.read("validation_limit", config.data.validation_limit, 0);
  std::int64_t max_length = config.data.max_length;
  yaml.read("max_length", max_length, 8, kMost);
  config.data.max_length = static_cast<int>(max_length);
  if (yaml.one_of("truncation", {"only_second", "longest_first"}) == 1)
    config.data.truncation = Truncation::kLongestFirst;
  yaml.read("group_size", config.data.group_size, 0);
  if (config.data.group_size == 1) yaml.fail("group_size", "expected 2 or more, or 0 for all");
  yaml.read("mask", config.data.mask, 0.01, 0.9);
  yaml.finish();
}

void read_loss(YamlReader& yaml, TrainConfig& config) {
  if (!yaml.has("loss")) return;
  config.loss.clear();
  for (YamlReader& term : yaml.sections("loss")) {
    LossTerm loss;
    const int name = term.one_of("name", loss_names());
    if (name < 0) term.fail("name", "expected the name of a loss");
    loss.name = loss_names()[static_cast<std::size_t>(name)];
    term.read("weight", loss.weight, 0, kAny);
    term.read("temperature", loss.temperature, 1e-3, kAny);
    term.read("pos_weight", loss.pos_weight, 0, kAny);
    for (const auto& [key, reader] : {std::pair{"temperature", "kl"}, {"pos_weight", "bce"}}) {
      if (term.has(key) && loss.name != reader)
        term.fail(key, std::string("read by the loss ") + reader + " only, found " + loss.name);
    }
    term.finish();
    config.loss.push_back(loss);
  }
  if (config.loss.empty()) yaml.fail("loss", "expected at least one term, found none");
}

void read_optimizer(YamlReader yaml, TrainConfig& config) {
  OptimizerOptions& options = config.optimizer;
  yaml.read("lr", options.lr, 0, 1);
  yaml.read("beta1", options.beta1, 0, 0.9999);
  yaml.read("beta2", options.beta2, 0, 0.99999);
  yaml.read("epsilon", options.epsilon, 0, 1);
  yaml.read("weight_decay", options.weight_decay, 0, 1);
  yaml.read("clip", options.clip, 0, kAny);
  yaml.read("warmup", options.warmup, 0, 1);
  yaml.read("min_lr", options.min_lr, 0, 1);
  const int schedule = yaml.one_of("schedule", {"constant", "linear", "cosine"});
  if (schedule >= 0) options.schedule = static_cast<Schedule>(schedule);
  yaml.finish();
}

void read_run(YamlReader& yaml, TrainConfig& config) {
  yaml.read("output", config.output);
  if (config.output.empty()) yaml.fail("output", "expected a folder for the model");
  yaml.read("teacher", config.teacher);
  yaml.read("batch", config.batch, 1, kMost);
  yaml.read("micro_batch_tokens", config.micro_batch_tokens, 1);
  yaml.read("steps", config.steps, 0);
  yaml.read("epochs", config.epochs, 0, 1e6);
  yaml.read("stop_after", config.stop_after, 0);
  const int precision = yaml.one_of("precision", {"auto", "bf16", "f32"});
  if (precision > 0) config.bf16 = precision == 1;
  yaml.read("dropout", config.dropout, 0, 0.9);
  auto seed = static_cast<std::int64_t>(config.seed), threads = std::int64_t{0};
  yaml.read("seed", seed, 0);
  config.seed = static_cast<std::uint64_t>(seed);
  yaml.read("threads", threads, 0, 1024);
  config.threads = static_cast<int>(threads);
  const int device = yaml.one_of("device", {"auto", "cpu", "cuda"});
  if (device >= 0)
    config.device = std::vector{"auto", "cpu", "cuda"}[static_cast<std::size_t>(device)];
  yaml.read("validate_every", config.validate_every, 0);
  yaml.read("patience", config.patience, 0);
  yaml.read("checkpoint_every", config.checkpoint_every, 1);
  yaml.read("log_every", config.log_every, 1);
  yaml.read("time_limit", config.time_limit, 0, kAny);
  if (config.steps == 0 && config.epochs == 0 && config.time_limit == 0)
    yaml.fail("epochs", "expected more than 0, or else steps or a time_limit");
}

// The run would overwrite what it learns from.
void require_another_folder(YamlReader& yaml, const TrainConfig& config) {
  for (const auto& [key, folder] :
       {std::pair{"model.from", &config.model.from}, std::pair{"teacher", &config.teacher}}) {
    std::error_code none;
    if (!folder->empty() && fs::equivalent(config.output, *folder, none))
      yaml.fail("output",
                std::string("expected another folder than ") + key + ", found " + config.output);
  }
}

// Weights, settings and tokenizer; narabi.json, which a calibration may have written since, has no
// part in a run.
std::vector<fs::path> files_of_model(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string(), ending = entry.path().extension();
    const bool read =
        ending == ".safetensors" || ending == ".json" || ending == ".model" || name == "vocab.txt";
    if (read && name != "narabi.json" && entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

TrainConfig read_train_config(const std::string& path, const std::vector<std::string>& overrides) {
  YamlReader yaml = YamlReader::open(path, overrides);
  TrainConfig config;
  const int task = yaml.one_of("task", {"rerank", "mlm", "tokenizer"});
  if (task == 1) config.task = Task::kMaskedLm;
  config.tokenizer_task = task == 2;
  if (config.tokenizer_task) {
    read_tokenizer(yaml.section("tokenizer"), config);
  } else {
    read_model(yaml.section("model"), config);
  }
  read_data(yaml.section("data"), config);
  read_loss(yaml, config);
  read_optimizer(yaml.section("optimizer"), config);
  read_run(yaml, config);
  require_another_folder(yaml, config);
  if (!config.teacher.empty() && !any_needs_teacher(config.loss))
    yaml.fail("teacher", "expected a loss that reads one (kl, mse or margin_mse), found none");
  yaml.finish();
  config.tokenizer.texts = config.data.train;
  return config;
}

void require_teacher(const TrainConfig& config, const std::string& path) {
  if (!any_needs_teacher(config.loss))
    throw InvalidArgument(path +
                          ": loss: expected a term that reads a teacher (kl, mse or margin_mse)");
}

std::string describe(const TrainConfig& config) {
  std::ostringstream text;
  text.precision(17);
  text << "task " << (config.task == Task::kRerank ? "rerank" : "mlm") << "\nmodel "
       << config.model.from << '|' << config.model.config << '|' << config.model.tokenizer << '|'
       << config.model.init_std << '|' << static_cast<int>(config.model.start);
  for (const std::string& file : config.model.texts) text << ' ' << file;
  text << "\ndata";
  for (const std::string& file : config.data.train) text << ' ' << file;
  text << "\nvalidation " << config.data.validation << ' ' << config.data.validation_limit
       << "\nlengths " << config.data.max_length << ' ' << static_cast<int>(config.data.truncation)
       << ' ' << config.data.group_size << ' ' << config.data.mask << "\nloss";
  for (const LossTerm& term : config.loss) {
    text << ' ' << term.name << ':' << term.weight << ':' << term.temperature << ':'
         << term.pos_weight;
  }
  const OptimizerOptions& o = config.optimizer;
  text << "\nteacher " << config.teacher << "\noptimizer " << o.lr << ' ' << o.beta1 << ' '
       << o.beta2 << ' ' << o.epsilon << ' ' << o.weight_decay << ' ' << o.clip << ' ' << o.warmup
       << ' ' << o.min_lr << ' ' << static_cast<int>(o.schedule) << "\nrun " << config.batch << ' '
       << config.micro_batch_tokens << ' ' << config.steps << ' ' << config.epochs << ' '
       << config.bf16.value() << ' ' << config.dropout << ' ' << config.seed << ' '
       << config.model.dtype << '\n';
  return text.str();
}

std::string describe_files(const TrainConfig& config) {
  std::vector<fs::path> files(config.data.train.begin(), config.data.train.end());
  files.insert(files.end(), config.model.texts.begin(), config.model.texts.end());
  for (const std::string& file : {config.data.validation, config.model.config}) {
    if (!file.empty()) files.emplace_back(file);
  }
  for (const std::string& folder : {config.model.from, config.model.tokenizer, config.teacher}) {
    if (folder.empty()) continue;
    const auto inside = files_of_model(folder);
    files.insert(files.end(), inside.begin(), inside.end());
  }
  std::string text;
  for (const fs::path& file : files)
    text += "file " + file.string() + " of " + std::to_string(fs::file_size(file)) + " bytes, " +
            base::checksum_text(base::file_checksum(file)) + "\n";
  return text;
}

}  // namespace narabi::train
