// narabi search: candidates from an index, or by BM25 over a corpus in memory, then the reranker.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <span>

#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/model_options.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "cli/passage_scores.h"
#include "cli/progress.h"
#include "data/readers.h"
#include "narabi/error.h"
#include "narabi/evaluation.h"
#include "narabi/index.h"
#include "narabi/reranker.h"
#include "narabi/search.h"
#include "rerank/blend.h"
#include "retrieve/collection.h"
#include "retrieve/snippet.h"

namespace narabi::cli {
namespace search_command {
namespace {

using retrieve::Collection;
using retrieve::snippet;

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Options {
  std::string index;
  std::vector<std::string> corpus;
  std::string query, queries, retriever = "bm25", fusion = "rrf", embedder, model, output;
  SearchOptions search;
  std::size_t top_n = 10;
  double blend = 0;
  std::optional<double> budget_ms;
  bool blend_given = false, json = false, windows = false, times = false;
  ModelFlags model_flags;
  TextFlags text;
};

Collection open_collection(const Options& options) {
  if (!options.index.empty()) return Collection(options.index, options.embedder);
  std::vector<Document> documents;
  for (data::Passage& passage : data::read_corpus(options.corpus, options.text.invalid()))
    documents.push_back({*passage.id, std::move(passage.title), std::move(passage.text)});
  return Collection(std::move(documents));
}

// One result: where it stood before, and its scores.
struct Result {
  Index::Hit hit;
  std::size_t before = 0;  // rank of the first stage, from 1
  std::optional<float> logit;
  double final_score = 0;
};

// Of one query.
struct Outcome {
  std::vector<Result> results;  // the reranked ones first, the others as the first stage has them
  std::size_t found = 0, reranked = 0;
  SearchTimes times;
  double rerank_ms = 0, total_ms = 0;

  const char* reranking() const {
    return reranked == found ? "full" : reranked > 0 ? "cut" : "skipped";
  }
};

// Those that the budget left out stand below, and their scores fall, so that a run keeps the order.
void add_left_out(std::vector<Index::Hit>& hits, std::size_t reranked,
                  std::vector<Result>& results) {
  double score = results.empty() ? 0 : results.back().final_score;
  for (std::size_t i = reranked; i < hits.size(); ++i) {
    score = reranked == 0 ? hits[i].score : score - 1;
    results.push_back({std::move(hits[i]), i + 1, std::nullopt, score});
  }
}

void rerank_hits(std::vector<Index::Hit> hits, const Reranker& reranker, const Options& options,
                 const std::string& query, Clock::time_point start, Outcome& outcome) {
  std::vector<std::string> texts;
  for (const Index::Hit& hit : hits)
    texts.push_back(data::model_text(hit.document.title, hit.document.text));
  ScoreLimits limits{.budget_ms = options.budget_ms, .windows = options.windows};
  if (limits.budget_ms) *limits.budget_ms -= ms_since(start);
  const std::vector<float> logits = score_passages(reranker, query, texts, limits);
  const Retriever retriever = options.search.retriever;
  std::vector<double> first_stage;
  for (std::size_t i = 0; i < logits.size(); ++i)
    first_stage.push_back(retrieve::first_stage_score(retriever, hits[i]));
  const double weight = options.blend_given
                            ? options.blend
                            : reranker.blend_weight(retrieve::first_stage_name(retriever));
  for (const auto& entry : rerank::blend(logits, first_stage, weight)) {
    outcome.results.push_back(
        {std::move(hits[entry.index]), entry.index + 1, entry.logit, entry.final_score});
  }
  outcome.reranked = logits.size();
  add_left_out(hits, logits.size(), outcome.results);
}

// Queries are searched together where that is faster.
std::size_t queries_at_once(const Options& options) {
  return options.search.exact && options.search.retriever != Retriever::kBm25 ? 64 : 1;
}

// `start`: when the search began; of several queries at once, as if they had come one after the
// other.
Outcome outcome_of(std::vector<Index::Hit> hits, const SearchTimes& times, Clock::time_point start,
                   const Reranker* reranker, const Options& options, const std::string& query) {
  Outcome outcome;
  outcome.times = times;
  outcome.found = hits.size();
  if (reranker != nullptr) {
    const auto rerank_start = Clock::now();
    rerank_hits(std::move(hits), *reranker, options, query, start, outcome);
    outcome.rerank_ms = ms_since(rerank_start);
  } else {
    add_left_out(hits, 0, outcome.results);
  }
  outcome.total_ms = ms_since(start);
  return outcome;
}

// The parts that took part, in their order.
std::vector<std::pair<const char*, double>> parts_of(const Outcome& outcome, const Options& options,
                                                     bool reranked) {
  const SearchTimes& times = outcome.times;
  std::vector<std::pair<const char*, double>> parts;
  const bool index = !options.index.empty();
  if (index && options.retriever != "dense") parts.emplace_back("analyze", times.analyze);
  if (options.retriever != "dense") parts.emplace_back("bm25", times.bm25);
  if (options.retriever != "bm25") {
    parts.emplace_back("embed", times.embed);
    parts.emplace_back("dense", times.dense);
  }
  if (options.retriever == "hybrid") parts.emplace_back("fusion", times.fusion);
  if (index) parts.emplace_back("fetch", times.fetch);
  if (reranked) parts.emplace_back("rerank", outcome.rerank_ms);
  parts.emplace_back("total", outcome.total_ms);
  return parts;
}

// Which arms found it, where and with what score.
void add_arms(const Index::Hit& hit, JsonLine& line) {
  if (hit.bm25_rank > 0) line.set("bm25", hit.bm25).set_integer("bm25_rank", hit.bm25_rank);
  if (hit.dense_rank > 0) line.set("dense", hit.dense).set_integer("dense_rank", hit.dense_rank);
  if (hit.bm25_rank > 0 && hit.dense_rank > 0) line.set("fused", hit.score);
}

void write_json(const Outcome& outcome, const Options& options, bool reranked,
                const std::string& query, const std::optional<std::string>& query_id,
                Output& output) {
  JsonLine times;
  for (const auto& [name, ms] : parts_of(outcome, options, reranked)) times.set(name, ms);
  const std::string ms = times.text();
  std::int64_t rank = 0;
  for (const Result& result : outcome.results) {
    if (rank == static_cast<std::int64_t>(options.top_n)) return;
    const IndexedDocument& document = result.hit.document;
    JsonLine line;
    if (query_id) line.set("query_id", *query_id);
    line.set_integer("rank", ++rank)
        .set_integer("before", static_cast<std::int64_t>(result.before));
    line.set("id", document.id).set("score", result.final_score);
    add_arms(result.hit, line);
    if (result.logit) line.set("logit", *result.logit);
    if (!document.title.empty()) line.set("title", document.title);
    line.set("text", document.text).set("snippet", snippet(document.text, query));
    if (!document.metadata.empty()) line.set_json("metadata", document.metadata);
    if (reranked) {
      line.set("reranking", std::string_view(outcome.reranking()))
          .set_integer("reranked", static_cast<std::int64_t>(outcome.reranked));
    }
    if (options.times) line.set_json("ms", ms);
    output.line(line.text());
  }
}

void write_table(const std::vector<Result>& results, bool reranked, const std::string& query,
                 const std::string& first, Output& output) {
  const int room = terminal_columns() - (reranked ? 42 : 16);
  output.line(reranked ? fmt::format("{:>4}  {:>6}  {:>8}  {:>8}  {:>8}  {}", "rank", "before",
                                     "score", "logit", first, "passage")
                       : fmt::format("{:>4}  {:>8}  {}", "rank", first, "passage"));
  std::size_t rank = 0;
  for (const Result& result : results) {
    const IndexedDocument& document = result.hit.document;
    const std::string title = document.title.empty() ? "" : document.title + " | ";
    // What the line has room for, two columns a character, so that the match is not cut off.
    const int characters = room / 2 - static_cast<int>(base::to_utf32(title).size()) - 1;
    const std::string passage = fit(
        title + snippet(document.text, query, static_cast<std::size_t>(std::max(8, characters))),
        room);
    ++rank;
    if (!reranked) {
      output.line(fmt::format("{:>4}  {:>8.4g}  {}", rank, result.hit.score, passage));
      continue;
    }
    const std::string logit = result.logit ? fmt::format("{:.3f}", *result.logit) : "-";
    output.line(fmt::format("{:>4}  {:>6}  {:>8.3f}  {:>8}  {:>8.2f}  {}", rank, result.before,
                            result.final_score, logit, result.hit.score, passage));
  }
}

// What was found, how much of it was reranked, and where the time went.
std::string summary(const Outcome& outcome, const Options& options, std::size_t documents,
                    bool reranked) {
  std::string text = fmt::format("{} of {} passages found", outcome.found, documents);
  if (reranked) text += fmt::format(", {} reranked ({})", outcome.reranked, outcome.reranking());
  text += "; ms:";
  for (const auto& [name, ms] : parts_of(outcome, options, reranked))
    text += fmt::format(" {} {:.1f}", name, ms);
  return text;
}

void search_one(const Collection& collection, const Reranker* reranker, const Options& options) {
  const std::string query = options.text.checked("--query", options.query);
  const auto start = Clock::now();
  SearchTimes times;
  std::vector<Index::Hit> hits = collection.search(query, options.search, &times);
  Outcome outcome = outcome_of(std::move(hits), times, start, reranker, options, query);
  Output output("-");
  if (options.json) {
    write_json(outcome, options, reranker != nullptr, query, std::nullopt, output);
  } else {
    outcome.results.resize(std::min(outcome.results.size(), options.top_n));
    write_table(outcome.results, reranker != nullptr, query, options.retriever, output);
    output.line(summary(outcome, options, collection.size(), reranker != nullptr));
  }
  output.close();
}

std::vector<std::string_view> texts_of(std::span<const data::Query> queries) {
  std::vector<std::string_view> texts;
  for (const data::Query& query : queries) texts.push_back(query.text);
  return texts;
}

std::vector<std::pair<std::string, double>> ranking_of(const Outcome& outcome) {
  std::vector<std::pair<std::string, double>> ranking;
  for (const Result& result : outcome.results)
    ranking.emplace_back(result.hit.document.id, result.final_score);
  return ranking;
}

void search_many(const Collection& collection, const Reranker* reranker, const Options& options) {
  const std::vector<data::Query> queries =
      data::read_queries(options.queries, options.text.invalid());
  const bool as_run = !options.output.empty();
  const std::string tag = reranker ? "narabi" : options.retriever;
  if (as_run) {
    for (const data::Query& query : queries)
      run_lines(query.id, {}, tag);  // throws before the work
  }
  Progress progress("queries", queries.size(), options.text.progress);
  Output output(as_run ? options.output : "-");
  const auto write = [&](const data::Query& query, const Outcome& outcome) {
    if (as_run) {
      output.lines(run_lines(query.id, ranking_of(outcome), tag));
    } else {
      write_json(outcome, options, reranker != nullptr, query.text, query.id, output);
    }
    progress.add(1);
  };
  const std::size_t at_once = queries_at_once(options);
  for (std::size_t begin = 0; begin < queries.size(); begin += at_once) {
    check_interrupt();
    const std::span part =
        std::span(queries).subspan(begin, std::min(at_once, queries.size() - begin));
    const std::vector<std::string_view> texts = texts_of(part);
    SearchTimes times;
    const auto start = Clock::now();
    auto hits = collection.search(texts, options.search, &times);
    const auto share = (Clock::now() - start) / static_cast<std::int64_t>(part.size());
    for (std::size_t i = 0; i < part.size(); ++i) {
      check_interrupt();
      write(part[i], outcome_of(std::move(hits[i]), times, Clock::now() - share, reranker, options,
                                part[i].text));
    }
  }
  output.close();
}

void run(const Options& options) {
  std::vector<std::string> inputs = options.corpus;
  inputs.push_back(options.queries);
  require_other_files(options.output, inputs);
  const Collection collection = open_collection(options);
  std::optional<Reranker> reranker;
  if (!options.model.empty()) reranker.emplace(options.model, options.model_flags.options());
  if (options.queries.empty()) {
    search_one(collection, reranker ? &*reranker : nullptr, options);
  } else {
    search_many(collection, reranker ? &*reranker : nullptr, options);
  }
}

void add_dense_options(CLI::App& command, Options& options, CLI::Option* index) {
  SearchOptions& search = options.search;
  command
      .add_option("--embedder", options.embedder,
                  "The index's embedder, where it is not where it was")
      ->needs(index);
  command
      .add_option("--fusion", options.fusion,
                  "Of hybrid: rrf (reciprocal ranks), or convex (scores scaled to 0..1)")
      ->check(CLI::IsMember({"rrf", "convex"}))
      ->capture_default_str();
  command.add_option("--rrf-k", search.rrf_k, "rrf: score = sum of 1 / (K + rank)")
      ->check(at_least(0))
      ->capture_default_str();
  command
      .add_option("--dense-weight", search.dense_weight,
                  "convex: of the vectors; BM25 has the rest")
      ->check(between(0, 1))
      ->capture_default_str();
  command.add_flag("--exact", search.exact, "Vectors: compare with all, no approximate index");
  command
      .add_option("--nprobe", search.nprobe,
                  "Vectors: lists to visit (default: what the index notes, else an eighth, at "
                  "least 16)")
      ->check(at_least(0));
  command
      .add_option("--refine", search.refine,
                  "Vectors: approximate candidates per result, scored again exactly (default: what "
                  "the index notes, else 4)")
      ->check(between(1, 1000));
}

// Throws for what a corpus in memory cannot do.
void settle(Options& options) {
  options.search.retriever = options.retriever == "dense"    ? Retriever::kDense
                             : options.retriever == "hybrid" ? Retriever::kHybrid
                                                             : Retriever::kBm25;
  options.search.fusion = options.fusion == "rrf" ? Fusion::kRank : Fusion::kScore;
  if (options.index.empty() && options.retriever != "bm25")
    throw CLI::ValidationError("--retriever " + options.retriever,
                               "needs an index with vectors (narabi index INDEX --embedder DIR)");
}

}  // namespace
}  // namespace search_command

void add_search(CLI::App& app) {
  using namespace search_command;
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("search", "Candidates of an index or a corpus, then the reranker");
  CLI::Option* index =
      command->add_option("INDEX", options->index, "An index that narabi index has built");
  command
      ->add_option("--corpus", options->corpus,
                   "Without an index: JSON lines {\"id\", \"title\"?, \"text\"}, indexed in memory")
      ->excludes(index);
  command
      ->add_option("--filter", options->search.filter,
                   "Only documents whose metadata fulfil it: 'year >= 1990 and section = \"歴史\"'")
      ->needs(index);
  CLI::Option* query = command->add_option("--query", options->query, "The query");
  CLI::Option* queries =
      command
          ->add_option("--queries", options->queries,
                       "Many: TSV id<TAB>text, or JSON lines {\"id\", \"text\"}; - is stdin")
          ->excludes(query);
  command
      ->add_option("--retriever", options->retriever,
                   "bm25 (MeCab words and character pairs), dense (vectors), or hybrid (both)")
      ->check(CLI::IsMember({"bm25", "dense", "hybrid"}))
      ->capture_default_str();
  add_dense_options(*command, *options, index);
  CLI::Option* candidates =
      command
          ->add_option("--candidates", options->search.candidates,
                       "Candidates of a query (default: 100, or as many as --top-n)")
          ->check(at_least(1));
  CLI::Option* model = command->add_option(
      "--model", options->model, "Model folder of the reranker; without it the order is BM25's");
  command
      ->add_option("--budget-ms", options->budget_ms,
                   "Time for a query: candidates, then as many of them reranked as still fit")
      ->needs(model)
      ->check(at_least(0));
  command
      ->add_flag("--windows", options->windows,
                 "A passage longer than the model reads is cut into windows; the best one counts")
      ->needs(model);
  command->add_option("--top-n", options->top_n, "Results to show")
      ->check(at_least(1))
      ->capture_default_str();
  CLI::Option* blend =
      command
          ->add_option("--blend", options->blend,
                       "Final score = logit + W x BM25 (default: narabi.json's blend.bm25, else 0)")
          ->check(finite());
  command
      ->add_option(
          "--output", options->output,
          "With --queries: a TREC run of all candidates instead of JSON lines; - is stdout")
      ->needs(queries);
  command->add_flag("--json", options->json, "JSON lines");
  command->add_flag("--times", options->times,
                    "With --json: the milliseconds of each part of the query in every line");
  options->model_flags.add_to(*command);
  options->text.add_to(*command);
  command->footer(
      "A filter knows = != < <= > >= in (...) exists, and or not, parentheses; its keys are those "
      "of the metadata,\nand id, title, text, which are text. Numbers are compared with numbers, "
      "text with text.\n\nExamples:\n"
      "  narabi search my.index --query 銀閣寺を建てたのは誰 --filter 'section != \"\"' --top-n 3\n"
      "  narabi search --corpus data/kyoto/kyoto-sample.jsonl.xz --query 銀閣寺を建てたのは誰 "
      "--model models/narabi-xsmall\n"
      "  narabi search --corpus corpus.jsonl --queries queries.tsv --output bm25.run");
  command->callback([options, query, candidates, blend] {
    options->blend_given = blend->count() > 0;
    if (candidates->count() == 0)
      options->search.candidates = std::max(options->search.candidates, options->top_n);
    if (options->index.empty() && options->corpus.empty())
      throw CLI::RequiredError("INDEX or --corpus");
    if (query->count() == 0 && options->queries.empty())
      throw CLI::RequiredError("--query or --queries");
    settle(*options);
    run(*options);
  });
}

}  // namespace narabi::cli
