// narabi eval: runs judged by qrels.
#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "eval/significance.h"
#include "narabi/evaluation.h"

namespace narabi::cli {
namespace eval_command {
namespace {

struct Options {
  std::string qrels;
  std::vector<std::string> runs, metrics = {"ndcg@10", "mrr@10", "map@10", "recall@100", "hit@10"};
  std::uint64_t seed = 1;
  bool per_query = false, compare = false, json = false;
};

std::string short_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::size_t judged_queries(const Qrels& qrels, const Run& run) {
  std::size_t count = 0;
  for (const auto& [query, ranking] : run) count += qrels.contains(query);
  return count;
}

void warn_about_queries(const std::string& path, const Qrels& qrels, const Run& run) {
  const std::size_t judged = judged_queries(qrels, run);
  if (judged < run.size()) {
    fmt::print(stderr, "narabi: {}: {} of {} queries are not in the qrels and left out\n", path,
               run.size() - judged, run.size());
  }
  if (judged < qrels.size()) {
    fmt::print(stderr,
               "narabi: {}: {} judged queries are not in the run and left out of the means\n", path,
               qrels.size() - judged);
  }
}

void write_per_query(const Options& options, const std::string& path, const Qrels& qrels,
                     const Run& run, Output& output) {
  std::vector<std::map<std::string, double>> values;
  for (const std::string& metric : options.metrics)
    values.push_back(evaluate_per_query(qrels, run, metric));
  for (const auto& [query, value] : values[0]) {
    JsonLine line;
    line.set("run", path).set("query", query);
    std::string text = fmt::format("{:<36} {:<20}", short_name(path), query);
    for (std::size_t i = 0; i < values.size(); ++i) {
      line.set(options.metrics[i].c_str(), values[i].at(query));
      text += fmt::format("  {:>10.4f}", values[i].at(query));
    }
    output.line(options.json ? line.text() : text);
  }
}

void write_means(const Options& options, const std::string& path, const Qrels& qrels,
                 const Run& run, Output& output) {
  const std::size_t queries = judged_queries(qrels, run);
  JsonLine line;
  line.set("run", path).set_integer("queries", static_cast<std::int64_t>(queries));
  std::string text = fmt::format("{:<36} {:>8}", short_name(path), queries);
  for (const std::string& metric : options.metrics) {
    const double value = evaluate(qrels, run, metric);
    line.set(metric.c_str(), value);
    text += fmt::format("  {:>10.4f}", value);
  }
  output.line(options.json ? line.text() : text);
}

struct Comparison {
  std::string run, metric;
  eval::PairedTest test;
};

void write_comparison_line(const Options& options, const Comparison& one, double p_t,
                           double p_randomisation, Output& output) {
  const eval::PairedTest& test = one.test;
  const auto integer = [](std::size_t value) { return static_cast<std::int64_t>(value); };
  if (options.json) {
    JsonLine line;
    line.set("baseline", options.runs[0]).set("run", one.run).set("metric", one.metric);
    line.set_integer("queries", integer(test.queries)).set("difference", test.difference);
    line.set_integer("wins", integer(test.wins)).set_integer("losses", integer(test.losses));
    line.set("p_t", test.p_t).set("p_randomisation", test.p_randomisation);
    line.set("p_t_holm", p_t).set("p_randomisation_holm", p_randomisation);
    output.line(line.text());
    return;
  }
  output.line(
      fmt::format("{:<36} {:>12} {:>8}  {:>+10.4f}  {:>11}  {:>8.2g} {:>8.2g}  {:>8.2g} {:>8.2g}",
                  short_name(one.run), one.metric, test.queries, test.difference,
                  fmt::format("{}/{}", test.wins, test.losses), test.p_t, p_t, test.p_randomisation,
                  p_randomisation));
}

// Every later run against the first one, metric by metric; all of them are one family of tests.
void write_comparison(const Options& options, const Qrels& qrels, const std::vector<Run>& runs,
                      Output& output) {
  std::vector<Comparison> all;
  std::vector<double> by_t, by_signs;
  for (std::size_t i = 1; i < runs.size(); ++i) {
    for (const std::string& metric : options.metrics) {
      all.push_back({options.runs[i], metric,
                     eval::paired_test(evaluate_per_query(qrels, runs[0], metric),
                                       evaluate_per_query(qrels, runs[i], metric), options.seed)});
      by_t.push_back(all.back().test.p_t);
      by_signs.push_back(all.back().test.p_randomisation);
    }
  }
  if (!options.json) {
    output.line(
        fmt::format("\nagainst {}\n{:<36} {:>12} {:>8}  {:>10}  {:>11}  {:>8} {:>8}  {:>8} {:>8}",
                    short_name(options.runs[0]), "run", "metric", "queries", "difference",
                    "wins/losses", "p t-test", "Holm", "p signs", "Holm"));
  }
  const std::vector<double> t = eval::holm(by_t), signs = eval::holm(by_signs);
  for (std::size_t i = 0; i < all.size(); ++i)
    write_comparison_line(options, all[i], t[i], signs[i], output);
}

void run(const Options& options) {
  const Qrels qrels = read_qrels(options.qrels);
  std::vector<Run> runs;
  for (const std::string& path : options.runs) runs.push_back(read_run(path));
  Output output("-");
  if (!options.json) {
    std::string head = fmt::format("{:<36} {:>8}", "run", options.per_query ? "query" : "queries");
    for (const std::string& metric : options.metrics) head += fmt::format("  {:>10}", metric);
    output.line(head);
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    warn_about_queries(options.runs[i], qrels, runs[i]);
    if (options.per_query) write_per_query(options, options.runs[i], qrels, runs[i], output);
    write_means(options, options.runs[i], qrels, runs[i], output);
  }
  if (options.compare) write_comparison(options, qrels, runs, output);
  output.close();
}

}  // namespace
}  // namespace eval_command

void add_eval(CLI::App& app) {
  using namespace eval_command;
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("eval", "Judges TREC runs: nDCG, MRR, MAP, recall, hit rate");
  command->add_option("--qrels", options->qrels, "TREC qrels, or BEIR's tsv with a header")
      ->required();
  command->add_option("runs", options->runs, "TREC runs")->required();
  command->add_option("--metrics", options->metrics, "ndcg@K, mrr@K, map@K, recall@K, hit@K")
      ->delimiter(',')
      ->capture_default_str();
  command->add_flag("--per-query", options->per_query, "A line for each query, too");
  command->add_flag(
      "--compare", options->compare,
      "Paired tests of every run against the first: Student's t and 10,000 random signs, each with "
      "Holm's correction over all runs and metrics; queries won and lost");
  command->add_option("--seed", options->seed, "Of the random signs")
      ->check(at_least(0))
      ->capture_default_str();
  command->add_flag("--json", options->json, "JSON lines {run, queries, ndcg@10, ...}");
  command->footer(
      "Means over the queries that are in both files. A run is ordered by score; equal scores by "
      "the rank column,\n"
      "then by line.\n\nExamples:\n"
      "  narabi eval --qrels data/jqara/qrels.trec.xz data/jqara/*.run.xz --metrics "
      "ndcg@10,mrr@10\n"
      "  narabi eval --qrels qrels.tsv before.run after.run --compare");
  command->callback([options] {
    if (options->compare && options->runs.size() < 2)
      throw CLI::ValidationError("--compare", "expected two runs or more");
    run(*options);
  });
}

}  // namespace narabi::cli
