// narabi inspect: what a model folder holds.
#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/output.h"
#include "narabi/inspect.h"

namespace narabi::cli {
namespace inspect_command {
namespace {

struct Options {
  std::string folder;
  bool json = false;
};

void write_json(const ModelSummary& summary, Output& output) {
  JsonLine line;
  line.set("architecture", summary.architecture)
      .set("tokenizer", summary.tokenizer)
      .set("pooling", summary.pooling);
  line.set_integer("layers", summary.layers).set_integer("hidden", summary.hidden);
  line.set_integer("intermediate", summary.intermediate).set_integer("heads", summary.heads);
  line.set_integer("vocabulary", summary.vocabulary)
      .set_integer("max_positions", summary.max_positions);
  line.set_integer("parameters", summary.parameters).set("stored_as", summary.stored_as);
  for (const auto& [precision, bytes] : summary.memory_bytes)
    line.set_integer(("memory_" + precision).c_str(), bytes);
  line.set("extra_tensors", std::span<const std::string>(summary.extra_tensors));
  line.set("unsupported", std::span<const std::string>(summary.unsupported));
  output.line(line.text());
}

std::string joined(const std::vector<std::string>& words) {
  return words.empty() ? "none" : fmt::format("{}", fmt::join(words, ", "));
}

void write_table(const ModelSummary& summary, Output& output) {
  const auto row = [&](const char* name, const std::string& value) {
    output.line(fmt::format("{:<16} {}", name, value));
  };
  row("architecture", summary.architecture);
  row("layers", fmt::format("{} x {}, intermediate {}, {} heads", summary.layers, summary.hidden,
                            summary.intermediate, summary.heads));
  row("vocabulary", std::to_string(summary.vocabulary));
  row("max positions", std::to_string(summary.max_positions));
  row("pooling", summary.pooling.empty() ? "none (no head)" : summary.pooling);
  row("tokenizer", summary.tokenizer);
  row("parameters", fmt::format("{:.1f} M, stored as {}",
                                static_cast<double>(summary.parameters) / 1e6, summary.stored_as));
  for (const auto& [precision, bytes] : summary.memory_bytes) {
    row("memory", fmt::format("{:.0f} MB in {}", static_cast<double>(bytes) / 1e6, precision));
  }
  row("extra tensors", joined(summary.extra_tensors));
  row("not supported", joined(summary.unsupported));
}

void run(const Options& options) {
  const ModelSummary summary = inspect(options.folder);
  Output output("-");
  if (options.json) {
    write_json(summary, output);
  } else {
    write_table(summary, output);
  }
  output.close();
}

}  // namespace
}  // namespace inspect_command

void add_inspect(CLI::App& app) {
  using namespace inspect_command;
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("inspect", "What a model folder holds, and what of it is not supported");
  command->add_option("folder", options->folder, "Model folder")->required();
  command->add_flag("--json", options->json, "One JSON line");
  command->footer("Examples:\n  narabi inspect models/narabi-xsmall\n  narabi inspect DIR --json");
  command->callback([options] { run(*options); });
}

}  // namespace narabi::cli
