// narabi reproduce: the tables of a collection, before and after reranking.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "data/squad.h"
#include "narabi/error.h"
#include "narabi/evaluation.h"
#include "narabi/reranker.h"
#include "narabi/search.h"
#include "rerank/blend.h"

namespace narabi::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kQuestionsAtATime = 64;
const std::vector<std::string> kMetrics = {"hit@1", "mrr@10", "ndcg@10"};

struct Options {
  std::string name, data = "data";
  std::vector<std::string> models;
  std::size_t depth = 20, limit = 0, skip_articles = 0;
  double blend = 0;
  bool blend_given = false, json = false, lexical_parts = false, tune_blend = false;
  ModelFlags model_flags;
  TextFlags text;
};

// A question's candidates: positions of paragraphs with their BM25, best first.
struct Task {
  data::SquadSplit split;
  std::vector<std::vector<Hit>> candidates;  // by question
  Qrels qrels;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string file_of(const Options& options) {
  const std::filesystem::path root(options.data);
  if (options.name == "jsquad") return (root / "jsquad/jsquad-valid-v1.3.json.xz").string();
  if (options.name == "jaquad") return (root / "jaquad/jaquad-dev.json.xz").string();
  return (root / "jaquad/jaquad-train.json.xz").string();
}

LexicalIndex build_index(const data::SquadSplit& split, const LexicalOptions& options) {
  std::vector<Document> documents;
  for (std::size_t i = 0; i < split.paragraphs.size(); ++i) {
    documents.push_back({std::to_string(i), "", split.paragraphs[i].text});
  }
  return LexicalIndex(std::move(documents), options);
}

std::vector<std::vector<Hit>> retrieve(const data::SquadSplit& split, const LexicalIndex& index,
                                       std::size_t depth) {
  std::vector<std::vector<Hit>> candidates;
  for (const data::SquadQuestion& question : split.questions)
    candidates.push_back(index.search(question.text, depth));
  return candidates;
}

Task load_task(const Options& options) {
  Task task;
  task.split = data::read_squad(file_of(options));
  if (options.skip_articles > 0)
    task.split = data::take_articles(std::move(task.split), options.skip_articles);
  if (options.limit > 0 && task.split.questions.size() > options.limit)
    task.split.questions.resize(options.limit);
  for (const data::SquadQuestion& question : task.split.questions) {
    task.qrels[question.id][std::to_string(question.paragraph)] = 1;
  }
  return task;
}

Run run_of(const Task& task, const std::vector<std::vector<Hit>>& candidates) {
  Run run;
  for (std::size_t q = 0; q < candidates.size(); ++q) {
    auto& ranking = run[task.split.questions[q].id];
    for (const Hit& hit : candidates[q])
      ranking.emplace_back(std::to_string(hit.document), hit.score);
  }
  return run;
}

// Logits by question and candidate.
std::vector<std::vector<float>> score_all(const Task& task, const Reranker& reranker,
                                          Progress& progress) {
  std::vector<std::vector<float>> logits;
  for (std::size_t begin = 0; begin < task.candidates.size(); begin += kQuestionsAtATime) {
    check_interrupt();
    const std::size_t end = std::min(task.candidates.size(), begin + kQuestionsAtATime);
    std::vector<Pair> pairs;
    for (std::size_t q = begin; q < end; ++q) {
      for (const Hit& hit : task.candidates[q]) {
        pairs.push_back({task.split.questions[q].text, task.split.paragraphs[hit.document].text});
      }
    }
    const std::vector<Score> scores = reranker.score(pairs);
    std::size_t next = 0;
    for (std::size_t q = begin; q < end; ++q) {
      auto& row = logits.emplace_back();
      for (std::size_t i = 0; i < task.candidates[q].size(); ++i)
        row.push_back(scores[next++].logit);
    }
    progress.add(pairs.size());
  }
  return logits;
}

Run blended_run(const Task& task, const std::vector<std::vector<float>>& logits, double weight) {
  Run run;
  for (std::size_t q = 0; q < logits.size(); ++q) {
    std::vector<double> bm25;
    for (const Hit& hit : task.candidates[q]) bm25.push_back(hit.score);
    auto& ranking = run[task.split.questions[q].id];
    for (const auto& entry : rerank::blend(logits[q], bm25, weight)) {
      ranking.emplace_back(std::to_string(task.candidates[q][entry.index].document),
                           entry.final_score);
    }
  }
  return run;
}

class Table {
 public:
  explicit Table(const Options& options) : json_(options.json), output_("-") {
    if (json_) return;
    output_.line(fmt::format("{:<44} {:>8} {:>8} {:>8} {:>9}", "ranking", "R@1", "MRR@10",
                             "nDCG@10", "seconds"));
  }
  void row(const std::string& name, const Task& task, const Run& run, double seconds) {
    JsonLine line;
    line.set("ranking", name)
        .set_integer("questions", static_cast<std::int64_t>(task.split.questions.size()));
    std::vector<double> values;
    for (const std::string& metric : kMetrics) {
      values.push_back(evaluate(task.qrels, run, metric));
      line.set(metric.c_str(), values.back());
    }
    line.set("seconds", seconds);
    output_.line(json_ ? line.text()
                       : fmt::format("{:<44} {:>8.4f} {:>8.4f} {:>8.4f} {:>9.1f}", name, values[0],
                                     values[1], values[2], seconds));
    output_.flush();
  }
  void note(const std::string& text) {
    if (!json_) output_.line(text);
  }

 private:
  bool json_;
  Output output_;
};

void add_lexical_rows(const Options& options, Task& task, Table& table) {
  struct {
    const char* name;
    LexicalOptions options;
  } kinds[] = {{"BM25, words", {.bigrams = false}}, {"BM25, bigrams", {.words = false}}};
  for (const auto& kind : kinds) {
    const auto start = Clock::now();
    const LexicalIndex index = build_index(task.split, kind.options);
    const auto candidates = retrieve(task.split, index, options.depth);
    table.row(kind.name, task, run_of(task, candidates), seconds_since(start));
  }
}

// The weight with the best nDCG@10; choose it on data that is not the test set.
void tune_blend(const Task& task, const std::vector<std::vector<float>>& logits, Table& table) {
  for (const double weight :
       {0.0, 0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0}) {
    table.row(fmt::format("  logit + {} x BM25", weight), task, blended_run(task, logits, weight),
              0);
  }
}

void add_model_rows(const Options& options, const Task& task, const std::string& folder,
                    Table& table) {
  const Reranker reranker(folder, options.model_flags.options());
  std::size_t pairs = 0;
  for (const auto& hits : task.candidates) pairs += hits.size();
  const auto start = Clock::now();
  std::vector<std::vector<float>> logits;
  {
    Progress progress("pairs", pairs, options.text.progress);
    logits = score_all(task, reranker, progress);
  }
  const double seconds = seconds_since(start);
  const std::string name = std::filesystem::path(folder).filename().string();
  table.row(name + ", logit alone", task, blended_run(task, logits, 0), seconds);
  if (options.tune_blend) tune_blend(task, logits, table);
  const double weight = options.blend_given ? options.blend : reranker.blend_weight("bm25");
  if (weight != 0) {
    table.row(fmt::format("{}, logit + {} x BM25", name, weight), task,
              blended_run(task, logits, weight), seconds);
  }
}

void run(const Options& options) {
  options.model_flags.options();  // refuses what is not built before minutes of work
  Task task = load_task(options);
  Table table(options);
  if (options.lexical_parts) add_lexical_rows(options, task, table);
  const auto start = Clock::now();
  const LexicalIndex index = build_index(task.split, {});
  task.candidates = retrieve(task.split, index, options.depth);
  table.row("BM25, words + bigrams", task, run_of(task, task.candidates), seconds_since(start));
  for (const std::string& folder : options.models) add_model_rows(options, task, folder, table);
  table.note(fmt::format("{} questions, {} paragraphs; the {} best of BM25 reranked",
                         task.split.questions.size(), task.split.paragraphs.size(), options.depth));
}

}  // namespace

void add_reproduce(CLI::App& app) {
  auto options = std::make_shared<Options>();
  if (const char* data = std::getenv("NARABI_DATA")) options->data = data;
  CLI::App* command =
      app.add_subcommand("reproduce", "The table of a collection: BM25, reranked, blended");
  command
      ->add_option("name", options->name,
                   "jsquad, jaquad, or jaquad-train (to choose a blend weight)")
      ->required()
      ->check(CLI::IsMember({"jsquad", "jaquad", "jaquad-train"}));
  command
      ->add_option("--data", options->data,
                   "Folder with jsquad/ and jaquad/ (default: $NARABI_DATA, else data)")
      ->capture_default_str();
  command->add_option("--model", options->models, "Model folders");
  command->add_option("--depth", options->depth, "Candidates of a question")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--limit", options->limit, "Only the first N questions (0: all)");
  command->add_option("--skip-articles", options->skip_articles,
                      "Leave out the first N articles (held-out training data)");
  CLI::Option* blend = command->add_option(
      "--blend", options->blend,
      "Final score = logit + W x BM25 (default: narabi.json's blend.bm25, else 0)");
  command->add_flag("--tune-blend", options->tune_blend, "Show a grid of weights");
  command->add_flag("--lexical-parts", options->lexical_parts,
                    "Show words alone and bigrams alone, too");
  command->add_flag("--json", options->json, "JSON lines");
  options->model_flags.add_to(*command);
  options->text.add_to(*command);
  command->footer(
      "Each question against all paragraphs of its split. R@1 is hit@1: a question has one "
      "paragraph.\n\nExamples:\n"
      "  narabi reproduce jsquad --data data --model models/prototype-modernbert-6l\n"
      "  narabi reproduce jaquad-train --data ../shared/data --skip-articles 656 --model DIR "
      "--tune-blend");
  command->callback([options, blend] {
    options->blend_given = blend->count() > 0;
    run(*options);
  });
}

}  // namespace narabi::cli
