#include "cli/model_options.h"

#include "base/utf8.h"
#include "cli/numbers.h"
#include "narabi/error.h"

namespace narabi::cli {

void ModelFlags::add_to(CLI::App& command) {
  command
      .add_option("--precision", precision,
                  "f32, bf16, int8 or auto: the fastest whose quality gate holds")
      ->check(CLI::IsMember({"f32", "bf16", "int8", "auto"}))
      ->capture_default_str();
  command
      .add_option("--max-length", max_length,
                  "Tokens of an input (default: the model's, a reranker's at most 512)")
      ->check(at_least(1));
  command
      .add_option("--truncation", truncation,
                  "Which side gives way: only_second (the passage) or longest_first")
      ->check(CLI::IsMember({"only_second", "longest_first"}))
      ->capture_default_str();
  command.add_option("--device", device, "cpu")
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->capture_default_str();
  command
      .add_option("--threads", threads,
                  "Worker threads (default: the cores that the cgroup allows)")
      ->check(CLI::Range(1, 1024));
}

ModelOptions ModelFlags::options() const {
  if (device != "cpu") throw Unsupported("--device " + device + " is not built; supported: cpu");
  return {.precision = precision == "f32"    ? Precision::kF32
                       : precision == "bf16" ? Precision::kBf16
                       : precision == "int8" ? Precision::kInt8
                                             : Precision::kAuto,
          .truncation =
              truncation == "only_second" ? Truncation::kOnlySecond : Truncation::kLongestFirst,
          .max_length = max_length,
          .threads = threads};
}

void PromptFlags::add_to(CLI::App& command, CLI::Option* embedder) {
  command
      .add_option("--query-prompt", query,
                  "What the embedder wants in front of a query, where its folder does not name it: "
                  "\"query: \" (e5), \"クエリ: \" (ruri)")
      ->needs(embedder);
  command
      .add_option("--document-prompt", document,
                  "And of a passage: \"passage: \" (e5), \"文章: \" (ruri)")
      ->needs(embedder);
}

Prompts PromptFlags::prompts() const {
  Prompts given;
  if (!query.empty()) given["query"] = query;
  if (!document.empty()) given["document"] = document;
  return given;
}

std::string TextFlags::checked(const std::string& flag, const std::string& value) const {
  const auto offset = base::invalid_utf8_at(value);
  if (!offset) return value;
  if (lossy) return base::replace_invalid_utf8(value);
  throw InvalidArgument(flag + ": invalid UTF-8 at byte " + std::to_string(*offset) +
                        " (--lossy replaces it by U+FFFD)");
}

void TextFlags::add_to(CLI::App& command) {
  command.add_flag("--lossy", lossy, "Replace invalid UTF-8 by U+FFFD instead of stopping");
  command.add_flag("--progress", progress, "Show progress on stderr even if it is no terminal");
}

}  // namespace narabi::cli
