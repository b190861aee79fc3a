#include <csignal>
#include <cstdio>
#include <exception>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "narabi/error.h"
#include "narabi/version.h"

namespace {

// The exit codes of the command line's contract.
constexpr int kFailed = 1, kUsage = 2, kInterrupted = 130;

int fail(const char* message) {
  std::fprintf(stderr, "narabi: %s\n", message);
  return kFailed;
}

std::string name_on_the_command_line(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app.get_name()
                        : app.get_name() + " " + name_on_the_command_line(*chosen.front());
}

// --help and --version arrive here too, as errors of code 0.
int explain(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);
  std::fprintf(stderr, "narabi: %s\nSee %s --help\n", error.what(),
               name_on_the_command_line(app).c_str());
  return kUsage;
}

void run(CLI::App& app, int argc, char** argv) {
  app.set_version_flag("--version", narabi::version());
  app.require_subcommand(1);
  app.footer("Each command has a --help with examples: narabi rerank --help");
  narabi::cli::add_score(app);
  narabi::cli::add_rerank(app);
  narabi::cli::add_tokenize(app);
  narabi::cli::add_embed(app);
  narabi::cli::add_inspect(app);
  narabi::cli::add_index(app);
  narabi::cli::add_search(app);
  narabi::cli::add_eval(app);
  narabi::cli::add_reproduce(app);
  narabi::cli::add_serve(app);
  narabi::cli::add_mine(app);
  narabi::cli::add_train(app);
  narabi::cli::add_distill(app);
  narabi::cli::add_tune_domain(app);
  narabi::cli::add_bench(app);
  narabi::cli::add_quantize(app);
  app.parse(argc, argv);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error on the next write, see output.cc
  try {
    narabi::cli::watch_for_interrupt();
    CLI::App app("narabi: scores, reranks, searches and evaluates Japanese passages", "narabi");
    try {
      run(app, argc, argv);
    } catch (const CLI::ParseError& error) {
      return explain(app, error);
    }
  } catch (const narabi::cli::Interrupted&) {
    std::fprintf(stderr, "narabi: interrupted; what was written so far is whole\n");
    return kInterrupted;
  } catch (const narabi::cli::OutputClosed&) {
    return kFailed;
  } catch (const std::bad_alloc&) {
    return fail("out of memory");
  } catch (const std::exception& error) {
    return fail(error.what());
  }
  return 0;
}
