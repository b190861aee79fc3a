// narabi tokenize: the ids a model reads.
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "base/cpu.h"
#include "base/thread_pool.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "data/json_lines.h"
#include "engine/limits.h"
#include "narabi/error.h"
#include "narabi/tokenizer.h"

namespace narabi::cli {
namespace tokenize_command {
namespace {

constexpr std::size_t kChunk = 4096;  // lines in memory at a time

struct Options {
  std::string model, input, output = "-";
  ModelFlags model_flags;
  TextFlags text;
  bool json = true;
};

struct Input {
  std::optional<std::string> query;  // empty: a text alone
  std::string text;
};

Input take(const data::JsonLines& lines) {
  if (lines.has("text")) return {std::nullopt, lines.text("text")};
  return {lines.text("query"), lines.text("passage")};
}

std::string encoding_line(const Encoding& encoding) {
  JsonLine line;
  line.set("input_ids", std::span<const std::int32_t>(encoding.input_ids));
  if (!encoding.token_type_ids.empty()) {
    line.set("token_type_ids", std::span<const std::int32_t>(encoding.token_type_ids));
  }
  line.set_flag("truncated", encoding.truncated);
  if (encoding.query_truncated) line.set_flag("query_truncated", true);
  return line.text();
}

void run(const Options& options) {
  require_other_files(options.output, {options.input});
  data::JsonLines lines(options.input, options.text.invalid());
  const ModelOptions model = options.model_flags.options();
  const Tokenizer tokenizer(options.model);
  // The positions of the model stand with its weights, which need not be there.
  const int max_length =
      engine::choose_max_length(options.model, model.max_length, std::numeric_limits<int>::max());
  base::ThreadPool pool(model.threads > 0 ? model.threads : base::available_cores());
  Output output(options.output);
  Progress progress("lines", expected_lines(options.input, options.text.progress),
                    options.text.progress);
  std::vector<Input> inputs;
  for (bool more = true; more;) {
    inputs.clear();
    while (inputs.size() < kChunk && (more = lines.next())) inputs.push_back(take(lines));
    check_interrupt();
    std::vector<std::string> encoded(inputs.size());
    pool.parallel_for(inputs.size(), [&](std::size_t i, int) {
      const auto& [query, text] = inputs[i];
      encoded[i] =
          encoding_line(query ? tokenizer.encode_pair(*query, text, max_length, model.truncation)
                              : tokenizer.encode(text, max_length));
    });
    for (const std::string& line : encoded) output.line(line);
    output.flush();
    progress.add(inputs.size());
  }
  if (lines.count() == 0) {
    throw InvalidFormat(options.input +
                        ": expected lines {\"query\", \"passage\"} or {\"text\"}, found none");
  }
  output.close();
}

}  // namespace
}  // namespace tokenize_command

void add_tokenize(CLI::App& app) {
  using namespace tokenize_command;
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("tokenize", "The token ids of pairs or texts");
  command->add_option("--model", options->model, "Model folder (its tokenizer files are enough)")
      ->required();
  command
      ->add_option("--input", options->input,
                   "Lines {\"query\", \"passage\"} or {\"text\"}; - is stdin")
      ->required();
  command->add_option("--output", options->output, "Where the lines go")->capture_default_str();
  command->add_flag("--json", options->json, "JSON lines (always)");
  options->model_flags.add_to(*command);
  options->text.add_to(*command);
  command->footer(
      "Output: lines {\"input_ids\", \"token_type_ids\"?, \"truncated\"}.\n\nExamples:\n"
      "  echo '{\"query\":\"今日の天気は？\",\"passage\":\"晴れです。\"}' | narabi tokenize "
      "--model DIR --input -\n"
      "  narabi tokenize --model DIR --input pairs.jsonl --max-length 64 --truncation "
      "longest_first");
  command->callback([options] { run(*options); });
}

}  // namespace narabi::cli
