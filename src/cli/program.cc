#include "cli/program.h"

#include <csignal>
#include <cstdio>
#include <exception>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/numbers.h"
#include "narabi/error.h"
#include "narabi/version.h"

namespace narabi::cli {
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

// Options that check nothing themselves: CLI11 reads -1 as the largest count there is, and nan.
void check_numbers(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    const std::string type = option->get_type_name();  // with ":..." where there is a check
    if (type == "UINT") option->check(at_least(0).description(""));
    if (type == "FLOAT") option->check(finite());
  }
  for (CLI::App* part : app.get_subcommands({})) check_numbers(*part);
}

void run(CLI::App& app, int argc, char** argv) {
  app.set_version_flag("--version", version());
  app.require_subcommand(1);
  app.footer("Each command has a --help with examples: narabi rerank --help");
  add_score(app);
  add_rerank(app);
  add_tokenize(app);
  add_embed(app);
  add_inspect(app);
  add_index(app);
  add_search(app);
  add_eval(app);
  add_reproduce(app);
  add_serve(app);
  add_mine(app);
  add_train(app);
  add_distill(app);
  add_tune_domain(app);
  add_average(app);
  add_deepen(app);
  add_calibrate(app);
  add_bench(app);
  add_quantize(app);
  check_numbers(app);
  app.parse(argc, argv);
}

}  // namespace

int run_program(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error on the next write, see output.cc
  std::signal(SIGXFSZ, SIG_IGN);  // so is a file over ulimit -f
  try {
    watch_for_interrupt();
    CLI::App app("narabi: scores, reranks, searches and evaluates Japanese passages", "narabi");
    try {
      run(app, argc, argv);
    } catch (const CLI::ParseError& error) {
      return explain(app, error);
    }
  } catch (const Interrupted&) {
    std::fprintf(stderr, "narabi: interrupted; what was written so far is whole\n");
    return kInterrupted;
  } catch (const OutputClosed&) {
    return kFailed;
  } catch (const std::bad_alloc&) {
    return fail("out of memory");
  } catch (const std::exception& error) {
    return fail(error.what());
  }
  return 0;
}

}  // namespace narabi::cli
