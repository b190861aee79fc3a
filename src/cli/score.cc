// narabi score: one logit a pair.
#include <memory>
#include <vector>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "data/json_lines.h"
#include "narabi/error.h"
#include "narabi/reranker.h"

namespace narabi::cli {
namespace score_command {
namespace {

constexpr std::size_t kChunk =
    256;  // pairs scored between two looks at Ctrl-C, each chunk written whole

struct Options {
  std::string model, input, output = "-";
  ModelFlags model_flags;
  TextFlags text;
  bool json = true;
};

struct OwnedPair {
  std::string query, passage;
};

void score_chunk(const Reranker& reranker, const std::vector<OwnedPair>& owned, Output& output) {
  std::vector<Pair> pairs;
  pairs.reserve(owned.size());
  for (const OwnedPair& pair : owned) pairs.push_back({pair.query, pair.passage});
  for (const Score& score : reranker.score(pairs)) {
    JsonLine line;
    line.set("logit", score.logit).set("score", score.score).set_integer("tokens", score.tokens);
    line.set_flag("truncated", score.truncated);
    if (score.query_truncated) line.set_flag("query_truncated", true);
    output.line(line.text());
  }
  output.flush();
}

void run(const Options& options) {
  require_other_files(options.output, {options.input});
  data::JsonLines lines(options.input, options.text.invalid());
  const Reranker reranker(options.model, options.model_flags.options());
  Output output(options.output);
  Progress progress("pairs", expected_lines(options.input, options.text.progress),
                    options.text.progress);
  std::vector<OwnedPair> chunk;
  bool more = true;
  while (more) {
    chunk.clear();
    while (chunk.size() < kChunk && (more = lines.next()))
      chunk.push_back({lines.text("query"), lines.text("passage")});
    check_interrupt();
    score_chunk(reranker, chunk, output);
    progress.add(chunk.size());
  }
  if (lines.count() == 0)
    throw InvalidFormat(options.input + ": expected lines {\"query\", \"passage\"}, found none");
  output.close();
}

}  // namespace
}  // namespace score_command

void add_score(CLI::App& app) {
  using namespace score_command;
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("score", "One logit per (query, passage) pair");
  command->add_option("--model", options->model, "Model folder")->required();
  command
      ->add_option(
          "--input", options->input,
          "Lines {\"query\", \"passage\"}; - is stdin; .gz, .xz, .zst are read as they are")
      ->required();
  command->add_option("--output", options->output, "Where the lines go")->capture_default_str();
  command->add_flag("--json", options->json, "JSON lines (always)");
  options->model_flags.add_to(*command);
  options->text.add_to(*command);
  command->footer(
      "Output: lines {\"logit\", \"score\", \"tokens\", \"truncated\"} in input "
      "order.\n\nExamples:\n"
      "  narabi score --model models/narabi-xsmall --input pairs.jsonl\n"
      "  zcat pairs.jsonl.gz | narabi score --model DIR --input - > scores.jsonl");
  command->callback([options] { run(*options); });
}

}  // namespace narabi::cli
