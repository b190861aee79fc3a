// narabi tokenize: the ids a model reads.
#include <memory>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "data/json_lines.h"
#include "narabi/error.h"
#include "narabi/tokenizer.h"

namespace narabi::cli {
namespace {

constexpr int kDefaultMaxLength = 512;

struct Options {
  std::string model, input, output = "-";
  ModelFlags model_flags;
  TextFlags text;
  bool json = true;
};

void run(const Options& options) {
  watch_for_interrupt();
  data::JsonLines lines(options.input, options.text.invalid());
  const ModelOptions model = options.model_flags.options();
  const int max_length = model.max_length > 0 ? model.max_length : kDefaultMaxLength;
  const Tokenizer tokenizer(options.model);
  Output output(options.output);
  while (lines.next()) {
    check_interrupt();
    const Encoding encoding =
        lines.has("text") ? tokenizer.encode(lines.text("text"), max_length)
                          : tokenizer.encode_pair(lines.text("query"), lines.text("passage"), max_length, model.truncation);
    JsonLine line;
    line.set("input_ids", std::span<const std::int32_t>(encoding.input_ids));
    if (!encoding.token_type_ids.empty()) {
      line.set("token_type_ids", std::span<const std::int32_t>(encoding.token_type_ids));
    }
    line.set_flag("truncated", encoding.truncated);
    if (encoding.query_truncated) line.set_flag("query_truncated", true);
    output.line(line.text());
  }
  if (lines.count() == 0) {
    throw InvalidFormat(options.input + ": expected lines {\"query\", \"passage\"} or {\"text\"}, found none");
  }
  output.close();
}

}  // namespace

void add_tokenize(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("tokenize", "The token ids of pairs or texts");
  command->add_option("--model", options->model, "Model folder (its tokenizer files are enough)")->required();
  command->add_option("--input", options->input, "Lines {\"query\", \"passage\"} or {\"text\"}; - is stdin")->required();
  command->add_option("--output", options->output, "Where the lines go")->capture_default_str();
  command->add_flag("--json", options->json, "JSON lines (always)");
  options->model_flags.add_to(*command);
  options->text.add_to(*command);
  command->footer(
      "Output: lines {\"input_ids\", \"token_type_ids\"?, \"truncated\"}.\n\nExamples:\n"
      "  echo '{\"query\":\"今日の天気は？\",\"passage\":\"晴れです。\"}' | narabi tokenize --model DIR --input -\n"
      "  narabi tokenize --model DIR --input pairs.jsonl --max-length 64 --truncation longest_first");
  command->callback([options] { run(*options); });
}

}  // namespace narabi::cli
