// narabi mine: questions and a corpus to training groups with hard negatives.
#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <optional>

#include "base/cpu.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/model_options.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "data/readers.h"
#include "data/squad.h"
#include "mine/miner.h"
#include "mine/question_set.h"
#include "mine/synthesize.h"
#include "narabi/error.h"

namespace narabi::cli {
namespace mine_command {
namespace {

constexpr std::size_t kQuestionsAtATime = 256;

struct Options {
  std::string squad, queries, qrels, run, output = "-", sampling = "top";
  std::vector<std::string> corpus, synthesize, models;
  mine::PassageForm form;
  std::size_t skip_articles = 0, take_articles = 0, limit = 0, rounds = 1;
  mine::MiningOptions mining;
  bool keep_answers = false, json = false;
  ModelFlags model_flags;
  TextFlags text;
};

using Task = mine::QuestionSet;

Task squad_task(const Options& options) {
  const data::SquadSplit split = data::take_articles(data::read_squad(options.squad),
                                                     options.skip_articles, options.take_articles);
  if (split.questions.empty())
    throw InvalidArgument(options.squad + ": no question is left in the articles chosen");
  return mine::from_squad(split, options.form);
}

Task corpus_task(const Options& options) {
  Task task;
  for (data::Passage& passage : data::read_corpus(options.corpus, options.text.invalid())) {
    const std::string title = passage.title;
    task.corpus.add({*passage.id, std::move(passage.title), std::move(passage.text)}, title);
  }
  return task;
}

void add_judged_questions(const Options& options, Task& task) {
  std::unordered_map<std::string, std::size_t> positions;
  for (std::size_t i = 0; i < task.corpus.passages.size(); ++i)
    positions[task.corpus.passages[i].id] = i;
  const Qrels qrels = read_qrels(options.qrels);
  for (data::Query& query : data::read_queries(options.queries, options.text.invalid())) {
    const auto judged = qrels.find(query.id);
    if (judged == qrels.end()) continue;
    mine::Question question{.id = query.id, .text = std::move(query.text)};
    for (const auto& [document, relevance] : judged->second) {
      if (relevance <= 0) continue;
      const auto found = positions.find(document);
      if (found == positions.end())
        throw InvalidFormat(options.qrels + ": the document " + document + " (query " + query.id +
                            ") is not in the corpus");
      question.positives.push_back(found->second);
    }
    if (!question.positives.empty()) task.questions.push_back(std::move(question));
  }
  if (task.questions.empty())
    throw InvalidArgument(options.qrels + ": no query of " + options.queries +
                          " has a relevant document");
}

void add_synthetic_questions(const Options& options, Task& task) {
  std::mt19937_64 random(options.mining.seed);
  std::vector<mine::Kind> kinds;
  for (const std::string& word : options.synthesize) kinds.push_back(mine::kind_of(word));
  for (std::size_t round = 0; round < options.rounds; ++round) {
    for (std::size_t i = 0; i < task.corpus.passages.size(); ++i) {
      const mine::Kind kind =
          kinds[std::uniform_int_distribution<std::size_t>(0, kinds.size() - 1)(random)];
      if (auto question = mine::synthesize(task.corpus, i, kind, random)) {
        question->id = std::to_string(task.questions.size());
        task.questions.push_back(std::move(*question));
      }
    }
  }
  std::shuffle(task.questions.begin(), task.questions.end(), random);
}

Task load_task(const Options& options) {
  if (!options.squad.empty()) return squad_task(options);
  Task task = corpus_task(options);
  if (options.synthesize.empty()) {
    add_judged_questions(options, task);
  } else {
    add_synthetic_questions(options, task);
  }
  return task;
}

void report(const Options& options, std::size_t questions, std::size_t groups, std::size_t passages,
            const mine::Dropped& dropped) {
  if (options.output == "-") return;
  if (options.json) {
    Output stdout_lines("-");
    JsonLine line;
    line.set_integer("questions", static_cast<std::int64_t>(questions))
        .set_integer("groups", static_cast<std::int64_t>(groups))
        .set_integer("passages", static_cast<std::int64_t>(passages))
        .set_integer("dropped_by_answer", static_cast<std::int64_t>(dropped.by_answer))
        .set_integer("dropped_by_margin", static_cast<std::int64_t>(dropped.by_margin))
        .set_integer("dropped_by_score", static_cast<std::int64_t>(dropped.by_score))
        .set_integer("easy_questions", static_cast<std::int64_t>(dropped.easy));
    stdout_lines.line(line.text());
    stdout_lines.close();
    return;
  }
  fmt::print(stderr,
             "{} groups of {} questions, {:.1f} passages each; candidates dropped as likely "
             "relevant: {} by answer, {} by margin, {} by score; {} questions left out as easy\n",
             groups, questions,
             groups == 0 ? 0.0 : static_cast<double>(passages) / static_cast<double>(groups),
             dropped.by_answer, dropped.by_margin, dropped.by_score, dropped.easy);
}

// `limit` of them, spread over all: neighbours ask about the same passage.
void keep_spread(std::vector<mine::Question>& questions, std::size_t limit) {
  const std::size_t count = questions.size();
  if (limit == 0 || count <= limit) return;
  std::vector<mine::Question> kept;
  for (std::size_t i = 0; i < limit; ++i) kept.push_back(std::move(questions[i * count / limit]));
  questions = std::move(kept);
}

void run(const Options& options) {
  std::vector<std::string> inputs = options.corpus;
  inputs.insert(inputs.end(), {options.squad, options.queries, options.qrels, options.run});
  require_other_files(options.output, inputs);
  Task task = load_task(options);
  keep_spread(task.questions, options.limit);
  std::optional<LexicalIndex> index;
  std::optional<Run> ranked;
  if (options.run.empty()) {
    index.emplace(task.corpus.passages);
  } else {
    ranked = read_run(options.run);
  }
  std::vector<Reranker> models;
  for (const std::string& folder : options.models)
    models.emplace_back(folder, options.model_flags.options());
  mine::Miner miner(task.corpus, index ? &*index : nullptr, ranked ? &*ranked : nullptr, models,
                    options.mining);
  const int threads =
      options.model_flags.threads > 0 ? options.model_flags.threads : base::available_cores();
  Output output(options.output);
  Progress progress("questions", task.questions.size(), options.text.progress);
  std::size_t groups = 0, passages = 0;
  for (std::size_t begin = 0; begin < task.questions.size(); begin += kQuestionsAtATime) {
    check_interrupt();
    const std::size_t end = std::min(task.questions.size(), begin + kQuestionsAtATime);
    const std::vector<mine::Question> part(
        task.questions.begin() + static_cast<std::ptrdiff_t>(begin),
        task.questions.begin() + static_cast<std::ptrdiff_t>(end));
    for (const data::Group& group : miner.mine(part, begin, threads)) {
      if (group.passages.empty()) continue;
      ++groups;
      passages += group.passages.size();
      output.line(data::to_json_line(group));
    }
    progress.add(part.size());
  }
  output.close();
  report(options, task.questions.size(), groups, passages, miner.dropped());
}

void require_what_belongs_together(const Options& options) {
  if (options.squad.empty() && (options.form.titles || options.form.max_length > 0))
    throw CLI::ValidationError("mine", "--titles and --passage-length are for --squad");
  if (options.mining.bm25_weight > 0 && (options.models.empty() || !options.run.empty()))
    throw CLI::ValidationError("--bm25-weight", "expected --model, and no --run");
  const mine::NegativeRules& ranking = options.mining.ranking;
  if (ranking.range_min >= ranking.range_max)
    throw CLI::ValidationError("--range-min",
                               fmt::format("expected less than --range-max, {}, found {}",
                                           ranking.range_max, ranking.range_min));
  const bool squad = !options.squad.empty(), corpus = !options.corpus.empty();
  const bool judged = !options.queries.empty() && !options.qrels.empty();
  if (squad && !corpus && !judged && options.synthesize.empty()) return;
  if (corpus && !squad && judged != !options.synthesize.empty()) return;
  throw CLI::ValidationError("mine",
                             "expected --squad, or --corpus with --queries and --qrels, or "
                             "--corpus with --synthesize");
}

}  // namespace
}  // namespace mine_command

void add_mine(CLI::App& app) {
  using namespace mine_command;
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("mine", "Makes training groups with hard negatives");
  command->add_option("--squad", options->squad, "SQuAD json: questions, paragraphs, answers");
  command->add_option("--skip-articles", options->skip_articles,
                      "Leave out the first N articles (--squad)");
  command->add_option("--take-articles", options->take_articles,
                      "Then take N articles (--squad; 0: the rest)");
  command->add_option(
      "--corpus", options->corpus,
      "JSON lines {\"id\", \"title\"?, \"text\"}; lines in a row with one title are "
      "an article");
  command->add_option("--queries", options->queries, "TSV id<TAB>text, or JSON lines");
  command->add_option("--qrels", options->qrels, "Which documents are relevant: TREC or BEIR");
  command
      ->add_option(
          "--synthesize", options->synthesize,
          "Make questions from the corpus: ict, cloze, clause, title (several: one at random)")
      ->delimiter(',')
      ->check(CLI::IsMember({"ict", "cloze", "clause", "title"}));
  command->add_option("--rounds", options->rounds, "Synthetic questions of a passage")
      ->check(at_least(1))
      ->capture_default_str();
  command->add_option("--run", options->run,
                      "Negatives from this TREC run (default: BM25 over the corpus)");
  command->add_flag("--titles", options->form.titles,
                    "The article's title in front of each passage (--squad)");
  command->add_option("--passage-length", options->form.max_length,
                      "Cut paragraphs between sentences into passages of at most N characters "
                      "(--squad; 0: never)");
  command->add_option(
      "--model", options->models,
      "Score candidates with this reranker and rank them by its logits, which margins "
      "are on and the output keeps; several: the mean of their logits");
  mine::MiningOptions& mining = options->mining;
  command
      ->add_option("--bm25-weight", mining.bm25_weight,
                   "With --model: scores are logit + W x BM25's score")
      ->check(at_least(0));
  command->add_option("--negatives", mining.ranking.count, "Negatives from the ranking")
      ->capture_default_str();
  command->add_option("--range-min", mining.ranking.range_min, "First rank to take them from")
      ->capture_default_str();
  command->add_option("--range-max", mining.ranking.range_max, "Rank to stop before")
      ->check(at_least(1))
      ->capture_default_str();
  command->add_option("--sampling", options->sampling, "Which of the range: top or random")
      ->check(CLI::IsMember({"top", "random"}))
      ->capture_default_str();
  command->add_option("--margin", mining.ranking.margin,
                      "Drop candidates above the hardest positive's score - M");
  command
      ->add_option(
          "--relative-margin", mining.ranking.relative_margin,
          "Drop candidates above the hardest positive's score x (1 - M), where that score is "
          "above 0")
      ->check(between(0, 1));
  command->add_option("--max-score", mining.ranking.max_score, "Drop candidates above this score");
  command->add_option("--max-lead", mining.ranking.max_lead,
                      "Leave out easy questions: the hardest positive's score is above every "
                      "negative's by more than this");
  command
      ->add_option("--same-article", mining.same_article,
                   "Negatives from the positive's article, at random")
      ->capture_default_str();
  command->add_option("--random", mining.random, "Negatives from anywhere, at random")
      ->capture_default_str();
  command->add_flag("--keep-answers", options->keep_answers,
                    "Keep candidates that hold an answer's text");
  command->add_option("--limit", options->limit, "Only N questions, spread over all (0: all)");
  command->add_option("--seed", mining.seed, "Of everything random")->capture_default_str();
  command->add_option("--output", options->output, "JSON lines; - is stdout")
      ->capture_default_str();
  command->add_flag("--json", options->json, "With --output FILE: the counts as JSON on stdout");
  options->model_flags.add_to(*command);
  options->text.add_to(*command);
  command->footer(
      "Output: {\"query\", \"pos\", \"neg\"}, with --model also \"pos_scores\" and \"neg_scores\" "
      "(FlagEmbedding's form).\n\nExamples:\n"
      "  narabi mine --squad jaquad-train.json.xz --negatives 3 --same-article 3 --random 1 "
      "--output groups.jsonl\n"
      "  narabi mine --corpus docs.jsonl --queries q.tsv --qrels qrels.tsv --model DIR --margin 1 "
      "--output groups.jsonl\n"
      "  narabi mine --squad jaquad-train.json.xz --model DIR --negatives 5 --margin -8 --max-lead "
      "7 "
      "--output hard.jsonl\n"
      "  narabi mine --squad jaquad-train.json.xz --titles --passage-length 200 --model A --model "
      "B "
      "--bm25-weight 0.3 --same-article 3 --output scored.jsonl\n"
      "  narabi mine --corpus docs.jsonl --synthesize ict,cloze --output pairs.jsonl");
  command->callback([options] {
    require_what_belongs_together(*options);
    options->mining.ranking.sampling =
        options->sampling == "top" ? mine::Sampling::kTop : mine::Sampling::kRandom;
    options->mining.filter_answers = !options->keep_answers;
    run(*options);
  });
}

}  // namespace narabi::cli
