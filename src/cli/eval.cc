// narabi eval: runs judged by qrels.
#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/output.h"
#include "narabi/evaluation.h"

namespace narabi::cli {
namespace {

struct Options {
  std::string qrels;
  std::vector<std::string> runs, metrics = {"ndcg@10", "mrr@10", "map@10", "recall@100", "hit@10"};
  bool per_query = false, json = false;
};

std::string short_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::size_t judged_queries(const Qrels& qrels, const Run& run) {
  std::size_t count = 0;
  for (const auto& [query, ranking] : run) count += qrels.contains(query);
  return count;
}

void warn_about_queries(const std::string& path, const Qrels& qrels, const Run& run) {
  const std::size_t judged = judged_queries(qrels, run);
  if (judged < run.size()) {
    fmt::print(stderr, "narabi: {}: {} of {} queries are not in the qrels and left out\n", path, run.size() - judged, run.size());
  }
  if (judged < qrels.size()) {
    fmt::print(stderr, "narabi: {}: {} judged queries are not in the run and left out of the means\n", path,
               qrels.size() - judged);
  }
}

void write_per_query(const Options& options, const std::string& path, const Qrels& qrels, const Run& run, Output& output) {
  std::vector<std::map<std::string, double>> values;
  for (const std::string& metric : options.metrics) values.push_back(evaluate_per_query(qrels, run, metric));
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

void write_means(const Options& options, const std::string& path, const Qrels& qrels, const Run& run, Output& output) {
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

void run(const Options& options) {
  const Qrels qrels = read_qrels(options.qrels);
  Output output("-");
  if (!options.json) {
    std::string head = fmt::format("{:<36} {:>8}", "run", options.per_query ? "query" : "queries");
    for (const std::string& metric : options.metrics) head += fmt::format("  {:>10}", metric);
    output.line(head);
  }
  for (const std::string& path : options.runs) {
    const Run run = read_run(path);
    warn_about_queries(path, qrels, run);
    if (options.per_query) write_per_query(options, path, qrels, run, output);
    write_means(options, path, qrels, run, output);
  }
  output.close();
}

}  // namespace

void add_eval(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("eval", "Judges TREC runs: nDCG, MRR, MAP, recall, hit rate");
  command->add_option("--qrels", options->qrels, "TREC qrels, or BEIR's tsv with a header")->required();
  command->add_option("runs", options->runs, "TREC runs")->required();
  command->add_option("--metrics", options->metrics, "ndcg@K, mrr@K, map@K, recall@K, hit@K")->delimiter(',')->capture_default_str();
  command->add_flag("--per-query", options->per_query, "A line for each query, too");
  command->add_flag("--json", options->json, "JSON lines {run, queries, ndcg@10, ...}");
  command->footer(
      "Means over the queries that are in both files. A run is ordered by score; equal scores by the rank column,\n"
      "then by line.\n\nExamples:\n"
      "  narabi eval --qrels data/jqara/qrels.trec.xz data/jqara/*.run.xz --metrics ndcg@10,mrr@10\n"
      "  narabi eval --qrels qrels.tsv before.run after.run --json");
  command->callback([options] { run(*options); });
}

}  // namespace narabi::cli
