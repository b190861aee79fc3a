#include "train/program.h"

#include <malloc.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "train/tokenizer_training.h"
#include "train/trainer.h"

namespace narabi::train {
namespace {

constexpr int kUsage = 2, kInterrupted = 130;

std::atomic<bool> stop{false};

// The first signal ends the run after its step, with a checkpoint; the second at once.
void on_signal(int signal) {
  stop = true;
  std::signal(signal, SIG_DFL);
}

// Activations come and go by the megabyte: keep their pages instead of asking for them anew.
void keep_memory() {
  mallopt(M_MMAP_THRESHOLD,
          32 << 20);  // the most that glibc takes: more is refused, without a word
  mallopt(M_TRIM_THRESHOLD, -1);
}

struct Options {
  std::string path;
  std::vector<std::string> overrides;
  RunOptions run;
};

void add_options(CLI::App& command, Options& options) {
  command.add_option("config", options.path, "YAML: what to train on what (docs/training.md)")
      ->required();
  command
      .add_option("--set", options.overrides, "KEY=VALUE over the file's, e.g. optimizer.lr=1e-4")
      ->take_all();
  command.add_flag("--restart", options.run.restart, "Begin again instead of from a checkpoint");
  command.add_flag("--progress", options.run.progress, "Progress also where stderr is no terminal");
  command.add_flag("--json", options.run.json, "Print every measurement as a JSON line on stdout");
}

}  // namespace

int run_program(int argc, char** argv) {
  CLI::App app("Trains models of narabi: the part that needs libtorch", "narabi");
  app.require_subcommand(1);
  Options options;
  CLI::App* training = app.add_subcommand("train", "Trains a reranker or a masked language model");
  add_options(*training, options);
  training->footer(
      "Ctrl-C saves a checkpoint; the same command goes on from it.\n\nExamples:\n"
      "  narabi train recipes/fine-tune.yaml --set output=my-model\n"
      "  narabi train recipes/fine-tune.yaml --set model.from=DIR --set data.train=groups.jsonl");
  CLI::App* distill = app.add_subcommand("distill", "Trains a reranker on a teacher's scores");
  add_options(*distill, options);
  distill->footer(
      "The config's \"loss\" has a term that reads a teacher (kl, mse, margin_mse); the teacher is "
      "a "
      "model folder\n(teacher: DIR), or else the scores in the training files.\n\nExamples:\n"
      "  narabi distill recipes/distill.yaml --set teacher=big --set model.from=small");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : kUsage;
  }
  keep_memory();
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  std::signal(SIGXFSZ, SIG_IGN);  // a file over ulimit -f is an error of the write
  options.run.stop = &stop;
  const auto config = read_train_config(options.path, options.overrides);
  if (config.tokenizer_task) {
    auto tokenizer = config.tokenizer;
    tokenizer.threads = config.threads > 0 ? config.threads : base::available_cores();
    train_tokenizer(tokenizer, config.output);
    return 0;
  }
  if (distill->parsed()) require_teacher(config, options.path);
  const auto outcome = train(config, options.run);
  return outcome == Outcome::kDone ? 0 : kInterrupted;
}

}  // namespace narabi::train
