// What a training run is told: one YAML file, every field checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "narabi/options.h"
#include "train/losses.h"
#include "train/model.h"
#include "train/optimizer.h"
#include "train/tokenizer_training.h"

namespace narabi::train {

struct TrainConfig {
  Task task = Task::kRerank;    // task: rerank | mlm | tokenizer
  bool tokenizer_task = false;  // task: tokenizer
  std::string output;           // folder: the model, and training/ beside it

  struct {
    std::string from;       // a model folder to start from (weights, config, tokenizer)
    std::string config;     // or a config.json, for weights made at random
    std::string tokenizer;  // and the folder of its tokenizer
    double init_std = 0.02;
    enum class Start { kNormal, kMatch, kLexical } start = Start::kNormal;  // init
    std::vector<std::string> texts;  // init lexical: a paragraph a line
    std::string dtype = "f32";       // of the exported weights: f32 | f16
  } model;

  struct {
    std::vector<std::string> train;  // rerank: group files; mlm: text files, a document a line
    std::string validation;          // a group file; rerank only
    std::int64_t validation_limit = 0;
    int max_length = 512;  // tokens of a pair, or of an MLM sequence
    Truncation truncation = Truncation::kOnlySecond;
    std::int64_t group_size = 8;  // passages of a group, one of them positive; 0: all there are
    double mask = 0.25;           // mlm: share of tokens to predict
  } data;

  std::vector<LossTerm> loss = {LossTerm{}};
  std::string teacher;  // a model folder whose logits are the teacher's

  TokenizerOptions tokenizer;  // task: tokenizer; its texts are data.train
  OptimizerOptions optimizer;
  std::int64_t batch = 32;                 // groups (or MLM sequences) of a step
  std::int64_t micro_batch_tokens = 8192;  // at most, unless one group alone has more
  std::int64_t steps = 0;                  // 0: by epochs
  double epochs = 1;                       // and 0: by time_limit
  std::int64_t stop_after =
      0;                     // steps after which to end, the schedule's end being elsewhere; 0: off
  std::optional<bool> bf16;  // precision: bf16 | f32; auto: what the device is faster in
  double dropout = 0;
  std::uint64_t seed = 1;
  int threads = 0;              // 0: the cores that the cgroup allows
  std::string device = "auto";  // auto | cpu | cuda

  std::int64_t validate_every = 0;  // steps; 0: ten times a run
  std::int64_t patience = 0;        // validations without a better nDCG@10 before stopping; 0: off
  std::int64_t checkpoint_every = 100;
  std::int64_t log_every = 10;
  double time_limit = 0;  // minutes; the schedule then follows the clock; 0: none
};

// `overrides`: "key.key=value" (--set). Throws InvalidFormat naming file, line, key, expected and
// found; relative paths are relative to the working directory.
TrainConfig read_train_config(const std::string& path, const std::vector<std::string>& overrides);

// For distillation: throws InvalidArgument when no loss reads a teacher.
void require_teacher(const TrainConfig& config, const std::string& path);

// The config as one canonical text: what a checkpoint has to agree with before a run goes on.
std::string describe(const TrainConfig& config);

// Size and checksum of every file that it reads, a line each. Throws IoError.
std::string describe_files(const TrainConfig& config);

}  // namespace narabi::train
