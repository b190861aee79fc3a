// narabi average: the mean of several models' weights.
#include <memory>

#include "checkpoint/average.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/output.h"

namespace narabi::cli {

void add_average(CLI::App& app) {
  struct Options {
    std::vector<std::string> models;
    std::string output;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("average", "The mean of several models' weights (a model soup)");
  command->add_option("models", options->models, "Folders of one architecture and tokenizer")
      ->required()
      ->expected(2, 1000);
  command->add_option("--output", options->output, "Folder of the mean")->required();
  command->add_flag("--json", options->json, "What was made of what, as a JSON line");
  command->footer(
      "For models that were trained from the same one, on other data, losses or seeds.\n\n"
      "Example:\n"
      "  narabi average models/narabi-tiny run1 run2 --output soup");
  command->callback([options] {
    checkpoint::average_folders(options->models, options->output);
    if (!options->json) return;
    Output output("-");
    output.line(JsonLine().set("output", options->output).set("models", options->models).text());
    output.close();
  });
}

}  // namespace narabi::cli
