// narabi embed: one vector a text.
#include <fmt/format.h>

#include <memory>
#include <vector>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "data/json_lines.h"
#include "narabi/embedder.h"
#include "narabi/error.h"

namespace narabi::cli {
namespace embed_command {
namespace {

constexpr std::size_t kChunk = 256;

struct Options {
  std::string model, input, output = "-", prompt;
  ModelFlags model_flags;
  PromptFlags prompts;
  TextFlags text;
  bool json = true;
};

// NumPy's format 1.0 with room in the header for the number of rows, which is known at the end
// only.
std::string npy_header(std::size_t rows, std::size_t width) {
  constexpr std::size_t kHeaderBytes = 128;
  std::string text =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, width);
  text.resize(kHeaderBytes - 10 - 1, ' ');
  text += '\n';
  std::string header = "\x93NUMPY";
  header += '\x01';
  header += '\0';
  header += static_cast<char>(text.size() & 0xFF);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

// Calls body(vectors, count) for each chunk of the input; the number of texts.
template <typename Body>
std::size_t for_each_chunk(const Options& options, const Embedder& embedder, Body body) {
  data::JsonLines lines(options.input, options.text.invalid());
  Progress progress("texts", expected_lines(options.input, options.text.progress),
                    options.text.progress);
  std::vector<std::string> owned;
  std::size_t total = 0;
  for (bool more = true; more;) {
    owned.clear();
    while (owned.size() < kChunk && (more = lines.next())) owned.push_back(lines.text("text"));
    check_interrupt();
    const std::vector<std::string_view> texts(owned.begin(), owned.end());
    body(embedder.embed(texts, options.prompt), texts.size());
    progress.add(texts.size());
    total += texts.size();
  }
  if (total == 0) throw InvalidFormat(options.input + ": expected lines {\"text\"}, found none");
  return total;
}

void write_npy(const Options& options, const Embedder& embedder) {
  OutputFile file(options.output);
  const auto width = static_cast<std::size_t>(embedder.dimension());
  file->write(npy_header(0, width));
  const std::size_t rows =
      for_each_chunk(options, embedder, [&](const std::vector<float>& vectors, std::size_t) {
        file->write(
            {reinterpret_cast<const char*>(vectors.data()), vectors.size() * sizeof(float)});
      });
  file->write_at(0, npy_header(rows, width));
  file->commit();
}

void write_lines(const Options& options, const Embedder& embedder) {
  Output output(options.output);
  const auto width = static_cast<std::size_t>(embedder.dimension());
  for_each_chunk(options, embedder, [&](const std::vector<float>& vectors, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      output.line(JsonLine()
                      .set("vector", std::span<const float>(vectors).subspan(i * width, width))
                      .text());
    }
    output.flush();
  });
  output.close();
}

void run(const Options& options) {
  require_other_files(options.output, {options.input});
  const Embedder embedder(options.model, options.model_flags.options(), options.prompts.prompts());
  if (options.output.ends_with(".npy")) {
    write_npy(options, embedder);
  } else {
    write_lines(options, embedder);
  }
}

}  // namespace
}  // namespace embed_command

void add_embed(CLI::App& app) {
  using namespace embed_command;
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("embed", "One vector per text, with a sentence-transformers folder");
  command->add_option("--model", options->model, "Folder of the embedder (modules.json)")
      ->required();
  command->add_option("--input", options->input, "Lines {\"text\"}; - is stdin")->required();
  options->prompts.add_to(*command,
                          command->add_option("--prompt", options->prompt,
                                              "The prompt to put in front: query or document"));
  command
      ->add_option("--output", options->output,
                   "JSON lines {\"vector\"}, or FILE.npy (float32, rows x dimension)")
      ->capture_default_str();
  command->add_flag("--json", options->json, "JSON lines (always, but for .npy)");
  options->model_flags.add_to(*command);
  options->text.add_to(*command);
  command->footer(
      "Examples:\n"
      "  narabi embed --model ruri-v3-30m --input passages.jsonl --prompt document --output "
      "passages.npy\n"
      "  echo '{\"text\":\"日本の首都\"}' | narabi embed --model multilingual-e5-small --input - "
      "--prompt query --query-prompt 'query: '");
  command->callback([options] { run(*options); });
}

}  // namespace narabi::cli
