// narabi reproduce: the tables of a collection, before and after reranking.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "cli/model_options.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "cli/reproduce_published.h"
#include "cli/reproduce_rerank.h"
#include "cli/reproduce_task.h"
#include "cli/table.h"
#include "eval/quality_plot.h"
#include "narabi/error.h"

namespace narabi::cli {
namespace reproduce_command {
namespace {

struct Options : ReproduceOptions {
  double blend = 0;
  bool blend_given = false, json = false, markdown = false, tune_blend = false;
  std::string svg;
  ModelFlags model_flags;
  PromptFlags prompt_flags;
  TextFlags text;
};

std::string title_of(const std::string& metric) {
  if (metric == "hit@1") return "R@1";
  if (metric.starts_with("ndcg")) return "nDCG" + metric.substr(4);
  std::string title = metric;
  for (std::size_t i = 0; i < title.find('@') && i < title.size(); ++i)
    title[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[i])));
  return title;
}

// What a row is of, beside its ranking.
struct RowOf {
  std::string name, stage, model;
  std::size_t depth = 0;  // reranked; 0: none
  std::optional<double> weight = {}, seconds = {}, published = {};
  std::optional<std::size_t> pairs = {};
};

class Report {
 public:
  Report(const Options& options, const ReproduceTask& task)
      : task_(task), table_(format(options), columns(options, task)), options_(options) {}

  void row(const RowOf& of, const Ranking& ranking) {
    std::vector<double> values;
    for (const std::string& metric : task_.metrics) values.push_back(judge(task_, ranking, metric));
    std::vector<double> recalls;
    for (const std::size_t depth : options_.depths)
      recalls.push_back(judge(task_, ranking, "recall@" + std::to_string(depth)));
    write(of, values, recalls);
  }

  // A run of others; its queries may be all of the collection's.
  void row(const RowOf& of, const Run& run) {
    std::vector<double> values, recalls;
    for (const std::string& metric : task_.metrics)
      values.push_back(evaluate(task_.qrels, run, metric));
    for (const std::size_t depth : options_.depths)
      recalls.push_back(evaluate(task_.qrels, run, "recall@" + std::to_string(depth)));
    write(of, values, recalls);
  }

  void close() {
    if (!task_.queries.empty()) {
      table_.note(fmt::format(
          "{} questions; {} candidates of each at most. recall: of the passages that a depth "
          "holds{}; ms: of a question, {} at a time on all cores",
          task_.queries.size(), options_.deepest(), task_.quiz ? " (answers)" : "", 64));
    }
    table_.close();
    if (options_.svg.empty()) return;
    OutputFile file(options_.svg);
    file->write(eval::to_svg(plot_));
    file->commit();
  }

  eval::QualityPlot& plot() { return plot_; }

 private:
  static TableFormat format(const Options& options) {
    return options.json       ? TableFormat::kJson
           : options.markdown ? TableFormat::kMarkdown
                              : TableFormat::kText;
  }

  static std::vector<Column> columns(const Options& options, const ReproduceTask& task) {
    std::vector<Column> out = {{"ranking", 44}, {"stage"}, {"model"},
                               {"depth", 5},    {"blend"}, {"questions"}};
    for (const std::string& metric : task.metrics) {
      const bool shown = metric != "map@10" || task.metrics[0] == "map@10";
      out.push_back({metric, shown ? 8 : 0, 4, title_of(metric)});
    }
    out.push_back({"recall", 8});
    for (const std::size_t depth : options.depths) out.push_back({fmt::format("recall@{}", depth)});
    for (const char* key : {"published", "seconds", "ms"})
      out.push_back({key, 9, key == std::string("published") ? 4 : 1});
    out.push_back({"pairs"});
    return out;
  }

  void write(const RowOf& of, const std::vector<double>& values,
             const std::vector<double>& recalls) {
    const auto maybe = [](const auto& value) { return value ? Cell(*value) : Cell(); };
    const auto text = [](const std::string& value) { return value.empty() ? Cell() : Cell(value); };
    std::vector<Cell> cells = {of.name, text(of.stage), text(of.model),
                               of.depth ? Cell(static_cast<std::int64_t>(of.depth)) : Cell(),
                               maybe(of.weight)};
    cells.emplace_back(
        task_.queries.empty() ? Cell() : Cell(static_cast<std::int64_t>(task_.queries.size())));
    for (const double value : values) cells.emplace_back(value);
    std::size_t depth = options_.depths.size() - 1;
    for (std::size_t i = 0; i < options_.depths.size(); ++i) {
      if (options_.depths[i] == of.depth) depth = i;
    }
    cells.emplace_back(recalls[depth]);
    for (const double value : recalls) cells.emplace_back(value);
    cells.push_back(maybe(of.published));
    cells.push_back(maybe(of.seconds));
    const auto count = static_cast<double>(std::max<std::size_t>(task_.queries.size(), 1));
    cells.push_back(of.seconds ? Cell(*of.seconds * 1e3 / count) : Cell());
    cells.push_back(of.pairs ? Cell(static_cast<std::int64_t>(*of.pairs)) : Cell());
    table_.row(cells);
  }

  const ReproduceTask& task_;
  Table table_;
  const Options& options_;
  eval::QualityPlot plot_;
};

// The weight with the best nDCG@10; choose it on data that is not the test set.
void tune_blend(const Stage& stage, const StageScores& scores, std::size_t depth, RowOf of,
                Report& report) {
  for (const double weight : {0.0, 0.0125, 0.025, 0.0375, 0.05, 0.0625, 0.075, 0.1, 0.125, 0.15,
                              0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0}) {
    of.name = fmt::format("  logit + {} x {}", weight, stage.name);
    of.weight = weight;
    report.row(of, rerank_stage(stage, scores, depth, weight));
  }
}

std::string first_word(const Stage& stage) {
  return stage.blend_key == "bm25" ? "BM25" : "cosine";
}

void add_model_rows(const Options& options, const ReproduceTask& task, const Stage& stage,
                    const Reranker& reranker, const std::string& name, Report& report) {
  const StageScores scores =
      score_depths(task, stage, reranker, options.depths, options.text.progress);
  const double weight =
      options.blend_given ? options.blend : reranker.blend_weight(stage.blend_key);
  const bool several = task.stages.size() > 1;
  eval::QualityPlot::Series series{name + (several ? " on " + stage.name : ""), {}};
  for (std::size_t i = 0; i < options.depths.size(); ++i) {
    const std::size_t depth = options.depths[i];
    RowOf of{.name = name + ", logit alone", .stage = stage.name, .model = name, .depth = depth};
    of.weight = 0.0;
    of.seconds = scores.seconds[i];
    of.pairs = scores.pairs[i];
    if (depth >= 100) of.published = published_figure(task.name, name);
    Ranking ranking = rerank_stage(stage, scores, depth, 0);
    report.row(of, ranking);
    if (options.tune_blend && i + 1 == options.depths.size())
      tune_blend(stage, scores, depth, of, report);
    if (weight != 0) {
      of.name = fmt::format("{}, logit + {} x {}", name, weight, first_word(stage));
      of.weight = weight;
      of.published.reset();
      ranking = rerank_stage(stage, scores, depth, weight);
      report.row(of, ranking);
    }
    series.points.push_back({*of.seconds * 1e3 / static_cast<double>(task.queries.size()),
                             judge(task, ranking, task.metrics[0]), std::to_string(depth)});
  }
  report.plot().series.push_back(std::move(series));
}

void run(Options options) {
  options.model_flags.options();  // refuses what is not built before minutes of work
  options.progress = options.text.progress;
  std::sort(options.depths.begin(), options.depths.end());
  options.depths.erase(std::unique(options.depths.begin(), options.depths.end()),
                       options.depths.end());
  const ReproduceTask task = load_task(options);
  Report report(options, task);
  report.plot().title = options.name;
  report.plot().metric = title_of(task.metrics[0]);
  for (const auto& [name, published] : task.runs) {
    RowOf of{.name = name + " (run)", .stage = "", .model = ""};
    of.published = published_figure(task.name, name);
    report.row(of, published);
  }
  for (const Stage& stage : task.stages) {
    RowOf of{.name = stage.name, .stage = stage.name, .model = ""};
    of.seconds = stage.seconds;
    if (options.deepest() >= 100) of.published = published_figure(task.name, stage.name);
    report.row(of, stage.candidates);
    report.plot().levels.push_back({stage.name, judge(task, stage.candidates, task.metrics[0])});
  }
  for (const std::string& folder : options.models) {
    const Reranker reranker(folder, options.model_flags.options());
    const std::string name =
        std::filesystem::path(folder + "/").lexically_normal().parent_path().filename().string();
    for (const Stage& stage : task.stages) {
      if (stage.reranked) add_model_rows(options, task, stage, reranker, name, report);
    }
  }
  report.close();
}

void add_ranking_options(CLI::App& command, Options& options) {
  command.add_option("--model", options.models, "Model folders of rerankers");
  options.prompt_flags.add_to(
      command,
      command.add_option("--embedder", options.embedders,
                         "sentence-transformers folders: dense and hybrid candidates, too"));
  command
      .add_option("--depth", options.depths,
                  "Candidates of a question to rerank; several: a row for each")
      ->delimiter(',')
      ->check(at_least(1))
      ->capture_default_str();
  command.add_option("--limit", options.limit, "Only the first N questions (0: all)");
  command.add_option("--skip-articles", options.skip_articles,
                     "jaquad-train: leave out the first N articles (held-out training data)");
  command.add_flag("--titles", options.form.titles,
                   "jaquad, jaquad-train: the article's title in front of each passage");
  command.add_option("--passage-length", options.form.max_length,
                     "jsquad, jaquad, jaquad-train: cut paragraphs between sentences into passages "
                     "of at most N characters (0: never)");
  command.add_option("--dense", options.dense,
                     "Faiss factory of the vector index, as IVF2048,PQ96 (default: exact)");
  command.add_option("--nprobe", options.nprobe, "Vectors: lists to visit");
  command.add_option("--index", options.index,
                     "Keep the indexes in this folder, and go on from there the next time");
  command.add_flag("--tune-blend", options.tune_blend, "Show a grid of weights");
  command.add_flag("--lexical-parts", options.lexical_parts,
                   "Show words alone and bigrams alone, too");
}

}  // namespace
}  // namespace reproduce_command

void add_reproduce(CLI::App& app) {
  using namespace reproduce_command;
  auto options = std::make_shared<Options>();
  if (const char* data = std::getenv("NARABI_DATA")) options->data = data;
  CLI::App* command = app.add_subcommand(
      "reproduce", "The table of a collection: candidates, reranked, blended, by depth");
  command
      ->add_option("name", options->name,
                   "jsquad, jaquad, jqara, jacwir, miracl-ja, aio, or jaquad-train (to choose a "
                   "blend weight)")
      ->required()
      ->check(CLI::IsMember(collection_names()));
  command
      ->add_option("--data", options->data,
                   "Folder with a folder for each collection (default: $NARABI_DATA, else data)")
      ->capture_default_str();
  add_ranking_options(*command, *options);
  CLI::Option* blend = command->add_option(
      "--blend", options->blend,
      "Final score = logit + W x BM25 (default: narabi.json's blend.bm25, else 0)");
  command->add_option("--svg", options->svg,
                      "A plot: quality against time, reranker by reranker, depth by depth");
  CLI::Option* json = command->add_flag("--json", options->json, "JSON lines");
  command->add_flag("--markdown", options->markdown, "A Markdown table")->excludes(json);
  options->model_flags.add_to(*command);
  options->text.add_to(*command);
  command->footer(
      "jsquad, jaquad: each question against all paragraphs of its split; R@1 is hit@1. jqara, "
      "jacwir: the published set of\npassages of each question. miracl-ja, aio: all passages of "
      "the collection, in an index on the disk. tools/collections.py\nmakes the last four from "
      "the published files. Without --model jqara judges the runs that lie beside it.\n\n"
      "Examples:\n"
      "  narabi reproduce jsquad --data data --model models/narabi-xsmall --svg "
      "jsquad.svg\n"
      "  narabi reproduce jqara --data DATA --model japanese-reranker-xsmall-v2 --depth 100\n"
      "  narabi reproduce aio --data DATA --embedder multilingual-e5-small --dense IVF2048,PQ96 "
      "--nprobe 256 --index INDEXES --depth 100\n"
      "  narabi reproduce jaquad-train --data ../shared/data --skip-articles 656 --model DIR "
      "--tune-blend --titles --passage-length 200");
  command->callback([options, blend] {
    options->blend_given = blend->count() > 0;
    options->prompts = options->prompt_flags.prompts();
    run(*options);
  });
}

}  // namespace narabi::cli
