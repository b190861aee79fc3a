// narabi index: builds an index on the disk, extends it, and looks after it.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/line_reader.h"
#include "base/paths.h"
#include "cli/commands.h"
#include "cli/index_explain.h"
#include "cli/index_info.h"
#include "cli/index_recall.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/model_options.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "data/corpus_reader.h"
#include "engine/sentence_transformers.h"
#include "narabi/error.h"
#include "narabi/index.h"

namespace narabi::cli {
namespace index_command {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLinesBetweenLooks = 256;  // for Ctrl-C
constexpr std::size_t kMostMessages = 20;        // about bad lines

// What says how documents are read, and into what: nothing to a sub-command.
constexpr const char* kOfReading[] = {"--corpus",
                                      "--format",
                                      "--bad-lines",
                                      "--compact",
                                      "--recall-check",
                                      "--recall-target",
                                      "--words-only",
                                      "--bigrams-only",
                                      "--title-weight",
                                      "--query-prompt",
                                      "--document-prompt",
                                      "--k1",
                                      "--b"};

const std::map<std::string, data::CorpusFormat> kFormats = {{"auto", data::CorpusFormat::kAuto},
                                                            {"jsonl", data::CorpusFormat::kJson},
                                                            {"tsv", data::CorpusFormat::kTsv},
                                                            {"text", data::CorpusFormat::kPlain}};

struct Options {
  std::string folder;
  std::vector<std::string> corpus, arguments;
  std::string ids, query, id, model, bad_lines = "stop";
  data::CorpusFormat format = data::CorpusFormat::kAuto;
  bool json = false, compact = false, words_only = false, bigrams_only = false;
  std::size_t recall_check = 0;
  std::optional<double> recall_target;
  std::optional<int> title_weight;
  std::optional<double> k1, b;
  WriterOptions writer;
  PromptFlags prompts;
  TextFlags text;
};

// The acknowledgements of a writer: a line for each commit, and one at the end.
class Report {
 public:
  explicit Report(bool json) : json_(json), output_("-"), start_(Clock::now()) {}

  void committed(const IndexWriter& writer) {
    if (!json_) return;
    JsonLine line;
    output_.line(
        line.set_integer("committed", static_cast<std::int64_t>(writer.documents())).text());
    output_.flush();
  }

  void finish(const IndexWriter& writer, std::optional<std::uint64_t> skipped) {
    const auto counts = writer.counts();
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    if (json_) {
      JsonLine line;
      line.set_integer("documents", static_cast<std::int64_t>(writer.documents()));
      if (skipped) line.set_integer("skipped", static_cast<std::int64_t>(*skipped));
      const std::pair<const char*, std::uint64_t> all[] = {{"added", counts.added},
                                                           {"updated", counts.updated},
                                                           {"unchanged", counts.unchanged},
                                                           {"deleted", counts.deleted},
                                                           {"missing", counts.missing}};
      for (const auto& [key, value] : all) line.set_integer(key, static_cast<std::int64_t>(value));
      output_.line(line.set("seconds", seconds).text());
    } else {
      std::string text = fmt::format("{} documents; {} added, {} updated, {} unchanged, {} deleted",
                                     writer.documents(), counts.added, counts.updated,
                                     counts.unchanged, counts.deleted);
      if (counts.missing > 0) text += fmt::format(", {} ids not there", counts.missing);
      if (skipped && *skipped > 0) text += fmt::format(", {} bad lines skipped", *skipped);
      output_.line(fmt::format("{}; {:.1f} s", text, seconds));
    }
    output_.close();
  }

 private:
  bool json_;
  Output output_;
  Clock::time_point start_;
};

// For an index that is there, what was not asked for is as it is stored.
std::optional<IndexSettings> wanted_settings(const Options& options) {
  const bool given =
      options.title_weight || options.k1 || options.b || options.words_only || options.bigrams_only;
  if (!given) return std::nullopt;
  IndexSettings settings;
  if (base::exists(std::filesystem::path(options.folder) / "store.sqlite"))
    settings = Index(options.folder).info().settings;
  settings.title_weight = options.title_weight.value_or(settings.title_weight);
  settings.k1 = options.k1.value_or(settings.k1);
  settings.b = options.b.value_or(settings.b);
  if (options.words_only) settings.bigrams = false;
  if (options.bigrams_only) settings.words = false;
  return settings;
}

// Reads one file into the index; the bad lines that were skipped.
std::uint64_t add_file(const Options& options, const std::string& path, IndexWriter& writer,
                       Report& report, std::uint64_t skipped) {
  data::CorpusReader reader(path, options.format, options.text.invalid());
  Progress progress(path == "-" ? "stdin" : path.substr(path.rfind('/') + 1),
                    expected_lines(path, options.text.progress), options.text.progress);
  data::CorpusDocument document;
  for (std::size_t lines = 0;; ++lines) {
    if (lines % kLinesBetweenLooks == 0) check_interrupt();
    try {
      if (!reader.next(document)) return skipped;
    } catch (const InvalidFormat& error) {
      if (options.bad_lines == "stop") throw;
      if (++skipped <= kMostMessages) fmt::print(stderr, "narabi: skipped: {}\n", error.what());
      if (skipped == kMostMessages)
        fmt::print(stderr, "narabi: further bad lines are only counted\n");
      continue;
    }
    progress.add(1);
    if (writer.add({std::move(document.id), std::move(document.title), std::move(document.text),
                    std::move(document.metadata)})) {
      report.committed(writer);
      check_interrupt();
    }
  }
}

// The work on vectors, one Progress after the other.
class VectorProgress {
 public:
  explicit VectorProgress(bool forced) : forced_(forced) {}
  void operator()(const std::string& what, std::size_t done, std::size_t total) {
    check_interrupt();
    if (what != what_) {
      progress_.reset();  // ends its line
      progress_ = std::make_shared<Progress>(what, total, forced_);
      progress_->start();
      what_ = what;
      before_ = 0;
    }
    progress_->add(done - before_);
    before_ = done;
  }

 private:
  bool forced_;
  std::string what_;
  std::size_t before_ = 0;
  std::shared_ptr<Progress> progress_;  // a std::function is copied
};

IndexWriter open_writer(const std::string& folder, const Options& options,
                        const std::optional<IndexSettings>& settings) {
  WriterOptions writer = options.writer;
  writer.prompts = options.prompts.prompts();
  writer.progress = VectorProgress(options.text.progress);
  return IndexWriter(folder, settings, writer);
}

// Nothing else would tell: the vectors of e5 or ruri without their prompts find less, silently.
void say_prompts(const Options& options) {
  const std::string& embedder = options.writer.embedder;
  if (embedder.empty() || engine::read_layout(embedder).is_static ||
      !Index(options.folder).info().prompts.empty())
    return;
  fmt::print(stderr,
             "narabi: note: {} names no prompts, so texts are embedded as they are; e5, ruri and "
             "others were trained with some: --query-prompt, --document-prompt\n",
             embedder);
}

void build(const Options& options) {
  Report report(options.json);
  IndexWriter writer = open_writer(options.folder, options, wanted_settings(options));
  say_prompts(options);
  std::uint64_t skipped = 0;
  for (const std::string& path : options.corpus)
    skipped = add_file(options, path, writer, report, skipped);
  writer.commit();
  report.committed(writer);
  if (options.compact) writer.compact();
  writer.train();
  report.finish(writer, skipped);
}

IndexWriter open_to_write(const std::string& folder, const Options& options) {
  Index(folder).info();  // an index has to be there already
  return open_writer(folder, options, std::nullopt);
}

// The index that a sub-command works on: before it, or its first argument.
std::string folder_of(Options& options) {
  if (!options.folder.empty()) return options.folder;
  if (options.arguments.empty()) throw CLI::RequiredError("INDEX");
  const std::string folder = options.arguments.front();
  options.arguments.erase(options.arguments.begin());
  return folder;
}

void no_more_arguments(const Options& options) {
  if (!options.arguments.empty())
    throw CLI::ExtrasError("index", std::vector<std::string>(options.arguments));
}

void erase(Options options) {
  const std::string folder = folder_of(options);
  if (options.arguments.empty() && options.ids.empty())
    throw CLI::RequiredError("ID, or --ids FILE");
  Report report(options.json);
  IndexWriter writer = open_to_write(folder, options);
  const auto erase_one = [&](const std::string& id) {
    if (writer.erase(id)) report.committed(writer);
  };
  for (const std::string& id : options.arguments) erase_one(options.text.checked("ID", id));
  if (!options.ids.empty()) {
    base::LineReader lines(options.ids, options.text.invalid());
    for (std::string id; lines.next(id);) {
      if (!id.empty()) erase_one(id);
    }
  }
  writer.commit();
  report.committed(writer);
  report.finish(writer, std::nullopt);
}

void compact(Options options) {
  const std::string folder = folder_of(options);
  no_more_arguments(options);
  Report report(options.json);
  IndexWriter writer = open_to_write(folder, options);
  writer.compact();
  report.finish(writer, std::nullopt);
}

void rebuild(Options options) {
  const std::string folder = folder_of(options);
  no_more_arguments(options);
  Report report(options.json);
  verify_index(folder);  // an index has to be there; what is wrong with it is the reason to be here
  IndexWriter writer = open_writer(folder, options, std::nullopt);
  writer.rebuild();
  report.finish(writer, std::nullopt);
}

void verify(Options options) {
  const std::string folder = folder_of(options);
  no_more_arguments(options);
  const std::vector<std::string> problems = verify_index(folder);
  Output output("-");
  if (options.json) {
    JsonLine line;
    line.set_flag("ok", problems.empty()).set("problems", std::span<const std::string>(problems));
    output.line(line.text());
  } else {
    for (const std::string& problem : problems) output.line(problem);
    if (problems.empty()) output.line("all is well: every checksum and every document agrees");
  }
  output.close();
  if (!problems.empty())
    throw InvalidFormat(fmt::format("{}: {} problems found", folder, problems.size()));
}

void info(Options options) {
  const std::string folder = folder_of(options);
  no_more_arguments(options);
  show_info(folder, options.json);
}

void explain(Options options) {
  const std::string folder = folder_of(options);
  no_more_arguments(options);
  explain_document({.folder = folder,
                    .query = options.text.checked("--query", options.query),
                    .id = options.id,
                    .embedder = options.writer.embedder,
                    .model = options.model,
                    .json = options.json});
}

void add_build_options(CLI::App& command, Options& options) {
  command.add_option("--corpus", options.corpus,
                     "JSON lines {id, title?, text, other keys: metadata}, TSV, or one passage a "
                     "line; several files will do");
  command.add_option("--format", options.format, "auto (by the name), jsonl, tsv or text")
      ->transform(CLI::CheckedTransformer(kFormats));
  command
      .add_option("--bad-lines", options.bad_lines,
                  "What a line that cannot be read does: stop, or skip (reported and counted)")
      ->check(CLI::IsMember({"stop", "skip"}))
      ->capture_default_str();
  command.add_option("--batch", options.writer.batch, "Documents of a commit, at most")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  command
      .add_option("--memory", options.writer.memory_mb,
                  "MB for the documents of a batch; a commit comes earlier when they need more")
      ->check(CLI::Range(16, 1 << 20))
      ->capture_default_str();
  command
      .add_option("--threads", options.writer.threads,
                  "Worker threads (default: the cores that the cgroup allows)")
      ->check(CLI::Range(1, 1024));
  command.add_flag("--compact", options.compact, "One segment at the end");
  options.prompts.add_to(
      command,
      command.add_option("--embedder", options.writer.embedder,
                         "sentence-transformers folder: vectors for dense and hybrid search"));
  command.add_option("--dense", options.writer.dense,
                     "Faiss factory of the vector index: Flat (exact, the default), IVF1024,PQ32, "
                     "IVF256,SQ8, ...");
  CLI::Option* check =
      command
          .add_option("--recall-check", options.recall_check,
                      "Recall and time of the vector index against exact search, by N queries")
          ->check(at_least(1));
  command
      .add_option("--recall-target", options.recall_target,
                  "Note in the index the fastest nprobe and refine that reach this recall@100; "
                  "searches use them from now on")
      ->needs(check)
      ->check(between(0, 1));
}

// Settings of a new index.
void add_settings(CLI::App& command, Options& options) {
  CLI::Option* words =
      command.add_flag("--words-only", options.words_only, "New index: no characters and pairs");
  command
      .add_flag("--bigrams-only", options.bigrams_only,
                "New index: no MeCab words (needs no dictionary)")
      ->excludes(words);
  command
      .add_option("--title-weight", options.title_weight,
                  "New index: how often a term of a title counts (default 1)")
      ->check(CLI::Range(0, 16));
  command.add_option("--k1", options.k1, "New index: BM25's k1 (default 1.2)");
  command.add_option("--b", options.b, "New index: BM25's b (default 0.75)");
}

CLI::App* add_part(CLI::App& command, const std::string& name, const std::string& what,
                   const std::shared_ptr<Options>& options, void (*body)(Options)) {
  CLI::App* part = command.add_subcommand(name, what);
  part->add_option("arguments", options->arguments,
                   name == "delete" ? "INDEX, unless it stands before; then ids"
                                    : "INDEX, unless it stands before the sub-command");
  part->add_flag("--json", options->json, "JSON lines");
  for (const char* option : kOfReading) part->excludes(command.get_option(option));
  part->callback([options, body] { body(*options); });
  return part;
}

void add_parts(CLI::App& command, const std::shared_ptr<Options>& options) {
  CLI::App* part = add_part(command, "delete", "Deletes documents by id", options, erase);
  part->add_option("--ids", options->ids, "A file with one id a line, - for stdin");
  part->add_option("--batch", options->writer.batch, "Deletions of a commit, at most")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  part->footer(
      "Examples:\n  narabi index delete my.index doc1 doc2\n"
      "  narabi index my.index delete --ids gone.txt --json");
  add_part(command, "verify", "Reads everything and compares checksums and documents", options,
           verify)
      ->footer("Exit code 1 when something is wrong.\n\nExample:\n  narabi index verify my.index");
  add_part(command, "compact", "One segment, without the deleted documents", options, compact)
      ->footer("Example:\n  narabi index compact my.index");
  add_part(command, "rebuild", "All segments anew from the stored documents", options, rebuild)
      ->footer(
          "After damage that verify found, or with another dictionary.\n\n"
          "Example:\n  narabi index rebuild my.index");
  add_part(command, "info", "What the index holds", options, info)
      ->footer("Example:\n  narabi index info my.index --json");
  part = add_part(command, "explain",
                  "What each term adds to a document's score; its ranks in the arms", options,
                  explain);
  part->add_option("--query", options->query, "The query")->required();
  part->add_option("--id", options->id, "The document (default: the best one)");
  part->add_option("--embedder", options->writer.embedder,
                   "The index's embedder, where it is not where it was");
  part->add_option("--model", options->model, "Model folder: the reranker's score, too");
  part->footer("Example:\n  narabi index explain my.index --query 銀閣寺を建てた人 --id doc1");
}

}  // namespace
}  // namespace index_command

void add_index(CLI::App& app) {
  using namespace index_command;
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "index", "Builds an index on the disk or extends it; delete, verify, compact, ...");
  command->add_option("INDEX", options->folder, "Folder of the index; made when it is not there");
  add_build_options(*command, *options);
  add_settings(*command, *options);
  command->add_flag(
      "--json", options->json,
      "JSON lines: {\"committed\": N} after each durable batch, at the end {documents, "
      "skipped, ...}");
  options->text.add_to(*command);
  add_parts(*command, options);
  command->require_subcommand(0, 1);
  command->footer(
      "A document of an id that is there replaces it. Every commit survives kill -9 and power "
      "cuts; "
      "the same command\nagain goes on where the last commit was.\n\nExamples:\n"
      "  narabi index my.index --corpus data/kyoto/kyoto-sample.jsonl.xz\n"
      "  narabi index my.index --corpus part1.jsonl.zst part2.tsv --bad-lines skip --json\n"
      "  narabi index my.index --embedder ruri-v3-30m --dense IVF1024,PQ32\n"
      "  narabi index my.index --recall-check 100 --recall-target 0.97\n"
      "  narabi search my.index --query 銀閣寺を建てた人");
  command->callback([command, options] {
    if (!command->get_subcommands().empty()) return;
    if (options->folder.empty()) throw CLI::RequiredError("INDEX");
    const bool only_dense = !options->writer.embedder.empty() || !options->writer.dense.empty();
    if (options->corpus.empty() && !only_dense && options->recall_check == 0)
      throw CLI::RequiredError("--corpus");
    if (!options->corpus.empty() || only_dense) build(*options);
    if (options->recall_check > 0)
      show_recall({options->folder, options->writer.embedder, options->recall_check,
                   options->recall_target, options->json});
  });
}

}  // namespace narabi::cli
