// narabi-train: what `narabi train` and `narabi distill` run. A program of its own, so that the one
// that scores needs no libtorch.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <malloc.h>

#include "narabi/error.h"
#include "train/trainer.h"

namespace {

constexpr int kInterrupted = 130;

std::atomic<bool> stop{false};

// The first signal ends the run after its step, with a checkpoint; the second at once.
void on_signal(int signal) {
  stop = true;
  std::signal(signal, SIG_DFL);
}

// Activations come and go by the megabyte: keep their pages instead of asking for them anew.
void keep_memory() {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, -1);
}

int run(int argc, char** argv) {
  CLI::App app("Trains a reranker, or a masked language model to start from", "narabi train");
  std::string path;
  std::vector<std::string> overrides;
  narabi::train::RunOptions options;
  app.add_option("config", path, "YAML: what to train on what (docs/training.md)")->required();
  app.add_option("--set", overrides, "KEY=VALUE over the file's value, e.g. optimizer.lr=1e-4");
  app.add_flag("--restart", options.restart, "Begin again instead of going on from a checkpoint");
  app.add_flag("--progress", options.progress, "Report on stderr also where it is no terminal");
  app.footer("Ctrl-C saves a checkpoint; the same command goes on from it.\n\nExamples:\n"
             "  narabi train recipes/fine-tune.yaml --set output=my-model\n"
             "  narabi train recipes/distill.yaml --set teacher=big --set model.from=small");
  CLI11_PARSE(app, argc, argv);
  keep_memory();
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  options.stop = &stop;
  const auto outcome =
      narabi::train::train(narabi::train::read_train_config(path, overrides), options);
  return outcome == narabi::train::Outcome::kDone ? 0 : kInterrupted;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "narabi train: {}\n", error.what());
    return 1;
  }
}
