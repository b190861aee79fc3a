// narabi train, narabi distill: hand over to narabi-train, the program beside this one that is
// built on libtorch where training was asked for (make train-deps).
#include "cli/train.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "narabi/error.h"

namespace narabi::cli {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void hand_over(const std::vector<std::string>& arguments) {
  const std::string program = trainer_program();
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  release_signals();
  execv(program.c_str(), argv.data());
  throw IoError(program + ": " + std::strerror(errno));
}

// Everything behind the word goes on as it is, --help too: options live in one place.
void add(CLI::App& app, const std::string& word, const std::string& what) {
  CLI::App* command = app.add_subcommand(word, what);
  command->prefix_command();
  command->set_help_flag();
  command->callback([command, word] {
    std::vector<std::string> arguments = {word};
    for (const std::string& argument : command->remaining()) arguments.push_back(argument);
    hand_over(arguments);
  });
}

}  // namespace

void release_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_UNBLOCK, &all, nullptr);
}

std::string trainer_program() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  const fs::path program = self.parent_path() / "narabi-train";
  if (error || !fs::exists(program))
    throw Unsupported("this narabi was built without training: expected " + program.string() +
                      "; `make train-deps` installs libtorch and builds it");
  return program;
}

void add_train(CLI::App& app) {
  add(app, "train", "Trains a reranker or a masked language model (narabi train --help)");
}

void add_distill(CLI::App& app) {
  add(app, "distill", "Trains a reranker on a larger one's scores (narabi distill --help)");
}

}  // namespace narabi::cli
