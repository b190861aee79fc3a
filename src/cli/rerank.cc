// narabi rerank: the passages of one query, or a whole TREC run.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <sstream>
#include <unordered_map>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/model_options.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "data/readers.h"
#include "narabi/error.h"
#include "narabi/evaluation.h"
#include "narabi/reranker.h"
#include "rerank/blend.h"

namespace narabi::cli {
namespace rerank_command {
namespace {

struct Options {
  std::string model;
  ModelFlags model_flags;
  TextFlags text;
  bool json = false;
  // one query
  std::string query, passages;
  std::size_t top_n = 0;
  // a run
  std::string queries, run, output, tag = "narabi";
  std::vector<std::string> corpus;
  std::size_t depth = 100;
  double blend = 0;
  bool query_given = false, blend_given = false;
};

void write_json(const std::vector<Ranked>& ranked, const std::vector<data::Passage>& passages,
                Output& output) {
  std::int64_t rank = 0;
  for (const Ranked& entry : ranked) {
    const data::Passage& passage = passages[entry.index];
    JsonLine line;
    line.set_integer("rank", ++rank).set_integer("index", static_cast<std::int64_t>(entry.index));
    if (passage.id) line.set("id", *passage.id);
    line.set("logit", entry.score.logit).set("score", entry.score.score);
    if (!passage.title.empty()) line.set("title", passage.title);
    line.set("text", passage.text);
    if (entry.score.truncated) line.set_flag("truncated", true);
    if (entry.score.query_truncated) line.set_flag("query_truncated", true);
    output.line(line.text());
  }
}

void write_table(const std::vector<Ranked>& ranked, const std::vector<data::Passage>& passages,
                 Output& output) {
  constexpr int kColumnsBeforeText = 36;
  output.line(
      fmt::format("{:>4}  {:>6}  {:>8}  {:>8}  {}", "rank", "before", "logit", "score", "passage"));
  const int room = terminal_columns() - kColumnsBeforeText;
  std::size_t rank = 0;
  for (const Ranked& entry : ranked) {
    const data::Passage& passage = passages[entry.index];
    output.line(fmt::format("{:>4}  {:>6}  {:>8.3f}  {:>8.4f}  {}", ++rank, entry.index + 1,
                            entry.score.logit, entry.score.score,
                            fit(data::model_text(passage.title, passage.text), room)));
  }
}

void rerank_passages(const Options& options) {
  const std::vector<data::Passage> passages =
      data::read_passages(options.passages, options.text.invalid());
  const Reranker reranker(options.model, options.model_flags.options());
  std::vector<std::string> texts;
  texts.reserve(passages.size());
  for (const data::Passage& passage : passages)
    texts.push_back(data::model_text(passage.title, passage.text));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const std::vector<Ranked> ranked =
      reranker.rerank(options.text.checked("--query", options.query), views, options.top_n);
  Output output("-");
  if (options.json) {
    write_json(ranked, passages, output);
  } else {
    write_table(ranked, passages, output);
  }
  output.close();
}

// Texts by id, for the queries and the corpus.
using Texts = std::unordered_map<std::string, std::string>;

// The first line of a run that holds `id` in column `column`, for messages only.
std::string place_in_run(const std::string& path, std::size_t column, const std::string& id) {
  base::LineReader lines(path, base::InvalidUtf8::kReplace);
  for (std::string line; lines.next(line);) {
    std::istringstream words(line);
    std::string word;
    for (std::size_t i = 0; i <= column; ++i) words >> word;
    if (word == id) return lines.where();
  }
  return path;
}

// Every id is looked up before hours of work.
void require_texts(const Run& run, const Texts& queries, const Texts& corpus,
                   const Options& options) {
  constexpr std::size_t kQueryColumn = 0, kDocumentColumn = 2;
  for (const auto& [query, ranking] : run) {
    if (!queries.contains(query)) {
      throw InvalidFormat(place_in_run(options.run, kQueryColumn, query) + ": the query " + query +
                          " is not in " + options.queries);
    }
    for (const auto& [document, score] : ranking) {
      if (corpus.contains(document)) continue;
      throw InvalidFormat(place_in_run(options.run, kDocumentColumn, document) + ": the document " +
                          document + " is not in " +
                          fmt::format("{}", fmt::join(options.corpus, ", ")));
    }
  }
}

// Scores of single precision that fall strictly, so that any tool which reads the run, whatever it
// does with ties, sees this order.
float below(float score, std::optional<float> before) {
  return before && score >= *before
             ? std::nextafter(*before, -std::numeric_limits<float>::infinity())
             : score;
}

void rerank_query(const Reranker& reranker, const Options& options, const std::string& query,
                  const Texts& corpus, std::vector<std::pair<std::string, double>>& ranking) {
  const std::size_t depth = std::min(options.depth, ranking.size());
  std::vector<Pair> pairs;
  std::vector<double> first_stage;
  for (std::size_t i = 0; i < depth; ++i) {
    pairs.push_back({query, corpus.at(ranking[i].first)});
    first_stage.push_back(ranking[i].second);
  }
  std::vector<float> logits;
  for (const Score& score : reranker.score(pairs)) logits.push_back(score.logit);
  const double weight = options.blend_given ? options.blend : reranker.blend_weight("bm25");
  std::vector<std::pair<std::string, double>> reranked;
  std::optional<float> before;
  for (const auto& entry : rerank::blend(logits, first_stage, weight)) {
    before = below(static_cast<float>(entry.final_score), before);
    reranked.emplace_back(ranking[entry.index].first, *before);
  }
  ranking = std::move(reranked);
}

void rerank_run(const Options& options) {
  std::vector<std::string> inputs = options.corpus;
  inputs.insert(inputs.end(), {options.run, options.queries});
  require_other_files(options.output, inputs);
  Run run = read_run(options.run);
  Texts queries, corpus;
  for (data::Query& query : data::read_queries(options.queries, options.text.invalid())) {
    queries.emplace(std::move(query.id), std::move(query.text));
  }
  for (data::Passage& passage : data::read_corpus(options.corpus, options.text.invalid())) {
    corpus.emplace(*passage.id, data::model_text(passage.title, passage.text));
  }
  require_texts(run, queries, corpus, options);
  const Reranker reranker(options.model, options.model_flags.options());
  Output output(options.output);
  Progress progress("queries", run.size(), options.text.progress);
  const auto start = std::chrono::steady_clock::now();
  std::size_t documents = 0;
  for (auto& [query, ranking] : run) {
    check_interrupt();
    rerank_query(reranker, options, queries.at(query), corpus, ranking);
    documents += ranking.size();
    output.lines(run_lines(query, ranking, options.tag));
    progress.add(1);
  }
  output.close();
  if (!options.json || options.output == "-") return;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  JsonLine line;
  line.set_integer("queries", static_cast<std::int64_t>(run.size()))
      .set_integer("documents", static_cast<std::int64_t>(documents))
      .set("seconds", seconds.count());
  Output summary("-");
  summary.line(line.text());
  summary.close();
}

void require_form(const Options& options) {
  const bool single = !options.passages.empty() && options.query_given;
  const bool whole = !options.queries.empty() && !options.corpus.empty() && !options.run.empty() &&
                     !options.output.empty();
  if (single || whole) return;
  throw CLI::ValidationError(
      "rerank",
      "expected --query with --passages, or --queries, --corpus, --run and --output together");
}

// The options of the two forms; one of a form that is not meant would do nothing, and is refused.
void add_forms(CLI::App& command, Options& options) {
  CLI::Option* const of_passages[] = {
      command.add_option("--query", options.query, "The query"),
      command.add_option("--passages", options.passages,
                         "One passage a line, or JSON lines {\"id\"?, \"title\"?, \"text\"}; - is "
                         "stdin"),
      command.add_option("--top-n", options.top_n, "Only the best N (default: all)")
          ->check(at_least(0))};
  CLI::Option* const of_a_run[] = {
      command.add_option("--queries", options.queries,
                         "TSV id<TAB>text, or JSON lines {\"id\", \"text\"}; - is stdin"),
      command.add_option("--corpus", options.corpus, "JSON lines {\"id\", \"title\"?, \"text\"}"),
      command.add_option("--run", options.run, "The TREC run to rerank"),
      command.add_option("--output", options.output, "The reranked run; - is stdout"),
      command
          .add_option("--depth", options.depth,
                      "Candidates of a query to rerank; what is below is left out")
          ->check(at_least(1))
          ->capture_default_str(),
      command
          .add_option(
              "--blend", options.blend,
              "Final score = logit + W x the run's score (default: narabi.json's blend.bm25, else "
              "0)")
          ->check(finite()),
      command.add_option("--tag", options.tag, "Last column of the run")->capture_default_str()};
  command.add_flag(
      "--json", options.json,
      "JSON lines {rank, index, id?, logit, score, text}; of a run that goes to a file "
      "{queries, documents, seconds}");
  for (CLI::Option* one : of_passages) {
    for (CLI::Option* other : of_a_run) one->excludes(other);
  }
}

}  // namespace
}  // namespace rerank_command

void add_rerank(CLI::App& app) {
  using namespace rerank_command;
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("rerank", "Orders the passages of a query, or reranks a TREC run");
  command->add_option("--model", options->model, "Model folder")->required();
  add_forms(*command, *options);
  options->model_flags.add_to(*command);
  options->text.add_to(*command);
  command->footer(
      "Examples:\n"
      "  narabi rerank --model DIR --query 日本の首都は --passages passages.txt --top-n 5\n"
      "  narabi rerank --model DIR --queries queries.tsv --corpus corpus.jsonl.gz --run bm25.run "
      "--output out.run");
  command->callback([options, command] {
    options->query_given = command->count("--query") > 0;
    options->blend_given = command->count("--blend") > 0;
    require_form(*options);
    if (options->run.empty()) {
      rerank_passages(*options);
    } else {
      rerank_run(*options);
    }
  });
}

}  // namespace narabi::cli
