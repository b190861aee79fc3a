// narabi deepen: a model with more layers that computes the same, to be trained further.
#include <memory>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "models/modernbert/deepen.h"

namespace narabi::cli {

void add_deepen(CLI::App& app) {
  struct Options {
    std::string model, output;
    int layers = 0;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "deepen", "More layers that change no score, to be trained: a larger model from a smaller");
  command->add_option("model", options->model, "Folder of a ModernBERT")->required();
  command->add_option("--layers", options->layers, "How many it shall have")
      ->required()
      ->check(at_least(2));
  command->add_option("--output", options->output, "Folder of the deeper model")->required();
  command->add_flag("--json", options->json, "What was made of what, as a JSON line");
  command->footer(
      "The new layers are copies of others whose last products are zero.\n\n"
      "Examples:\n"
      "  narabi deepen models/narabi-xsmall --layers 9 --output deeper\n"
      "  narabi train recipes/branch.yaml --set model.from=deeper --set data.train=groups.jsonl");
  command->callback([options] {
    models::modernbert::deepen(options->model, options->layers, options->output);
    if (!options->json) return;
    Output output("-");
    output.line(JsonLine()
                    .set("output", options->output)
                    .set("model", options->model)
                    .set_integer("layers", options->layers)
                    .text());
    output.close();
  });
}

}  // namespace narabi::cli
