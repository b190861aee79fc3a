// narabi tune-domain: a user's documents, and queries where there are some, to a model tuned on
// them, with the figures before and after on a part that was held out.
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <memory>
#include <random>
#include <unordered_map>

#include "base/cpu.h"
#include "base/line_reader.h"
#include "checkpoint/config_file.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/model_options.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "cli/train.h"
#include "data/readers.h"
#include "mine/miner.h"
#include "mine/synthesize.h"
#include "narabi/error.h"
#include "narabi/evaluation.h"
#include "narabi/reranker.h"
#include "narabi/search.h"

namespace narabi::cli {
namespace tune_domain_command {
namespace {

namespace fs = std::filesystem;

// A held-out group: a positive, others of its article, and BM25's best.
constexpr std::size_t kJudgedDepth = 20, kJudgedNeighbours = 5;

struct Options {
  std::vector<std::string> corpus, set;
  std::string clicks, model, output;
  double held_out = 0.1;
  std::size_t questions = 4000, judged = 300;
  std::uint64_t seed = 1;
  bool json = false;
  ModelFlags flags;
  TextFlags text;
};

struct Split {
  std::vector<mine::Question> train, held;
};

mine::Corpus read(const Options& options) {
  mine::Corpus corpus;
  for (data::Passage& passage : data::read_corpus(options.corpus, options.text.invalid())) {
    const std::string title = passage.title;
    corpus.add({*passage.id, std::move(passage.title), std::move(passage.text)}, title);
  }
  return corpus;
}

// Lines QUERY<TAB>DOCUMENT-ID; lines with one query are one question.
std::vector<mine::Question> read_clicks(const std::string& path, const mine::Corpus& corpus) {
  std::unordered_map<std::string, std::size_t> documents, known;
  for (std::size_t i = 0; i < corpus.passages.size(); ++i) documents[corpus.passages[i].id] = i;
  std::vector<mine::Question> questions;
  base::LineReader reader(path);
  for (std::string line; reader.next(line);) {
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    const std::size_t tab = line.find('\t');
    if (tab == std::string::npos || tab == 0)
      throw InvalidFormat(reader.where() + ": expected QUERY<TAB>DOCUMENT-ID, found " + line);
    const auto document = documents.find(line.substr(tab + 1));
    if (document == documents.end())
      throw InvalidFormat(reader.where() + ": the document " + line.substr(tab + 1) +
                          " is not in the corpus");
    const std::string query = line.substr(0, tab);
    const auto [place, fresh] = known.try_emplace(query, questions.size());
    if (fresh) questions.push_back({.id = std::to_string(questions.size()), .text = query});
    // A document may be clicked again and again; it is one answer.
    std::vector<std::size_t>& positives = questions[place->second].positives;
    if (std::find(positives.begin(), positives.end(), document->second) == positives.end())
      positives.push_back(document->second);
  }
  if (questions.empty()) throw InvalidFormat(path + ": expected clicks, found none");
  return questions;
}

// Learned from: clozes and sentences taken out of their passages, by turns. Judged by: the latter
// only, since a cloze holds most of a sentence of its passage, which any model finds that matches
// words.
std::vector<mine::Question> make_questions(const mine::Corpus& corpus,
                                           const std::vector<bool>& held_articles,
                                           std::mt19937_64& random) {
  std::vector<mine::Question> questions;
  for (std::size_t i = 0; i < corpus.passages.size(); ++i) {
    const bool cloze = i % 2 == 0 && !held_articles[corpus.article[i]];
    const mine::Kind kind = cloze ? mine::Kind::kCloze : mine::Kind::kIct;
    if (auto question = mine::synthesize(corpus, i, kind, random))
      questions.push_back(std::move(*question));
  }
  return questions;
}

// By articles: no document that answers a judged question is of an article with one that answers a
// learned question. Clicks that lead to both sides are left out.
Split split(const Options& options, const mine::Corpus& corpus) {
  std::mt19937_64 random(options.seed);
  std::vector<bool> held(corpus.members.size());
  for (std::size_t i = 0; i < held.size(); ++i)
    held[i] = std::uniform_real_distribution<double>()(random) < options.held_out;
  std::vector<mine::Question> all = options.clicks.empty() ? make_questions(corpus, held, random)
                                                           : read_clicks(options.clicks, corpus);
  std::shuffle(all.begin(), all.end(), random);
  Split parts;
  std::size_t left_out = 0;
  for (mine::Question& question : all) {
    const auto is_held = [&](std::size_t document) { return held[corpus.article[document]]; };
    const std::vector<std::size_t>& answers = question.positives;
    const bool judged = is_held(answers[0]);
    if (std::any_of(answers.begin(), answers.end(),
                    [&](std::size_t document) { return is_held(document) != judged; })) {
      ++left_out;
      continue;
    }
    std::vector<mine::Question>& part = judged ? parts.held : parts.train;
    if (part.size() < (judged ? options.judged : options.questions))
      part.push_back(std::move(question));
  }
  if (left_out > 0)
    fmt::print(stderr,
               "narabi: left out {} queries that lead to held-out articles and to others, too\n",
               left_out);
  if (parts.train.empty() || parts.held.empty())
    throw InvalidArgument(fmt::format(
        "tune-domain: expected questions to learn from and others to judge by, found {} and {}: "
        "more documents (or --clicks) are needed",
        parts.train.size(), parts.held.size()));
  return parts;
}

std::vector<data::Group> mine_groups(const mine::Corpus& corpus, const LexicalIndex& index,
                                     const std::vector<mine::Question>& questions,
                                     const mine::MiningOptions& rules, int threads) {
  mine::Miner miner(corpus, &index, nullptr, {}, rules);
  std::vector<data::Group> groups;
  for (data::Group& group : miner.mine(questions, 0, threads)) {
    if (!group.passages.empty()) groups.push_back(std::move(group));
  }
  return groups;
}

void write_groups(const std::vector<data::Group>& groups, const std::string& path) {
  Output output(path);
  for (const data::Group& group : groups) output.line(data::to_json_line(group));
  output.close();
}

struct Quality {
  double ndcg = 0, mrr = 0, hit = 0;
};

Quality judge(const std::vector<data::Group>& groups, const std::string& model,
              const ModelOptions& options) {
  const Reranker reranker(model, options);
  Qrels qrels;
  Run run;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    check_interrupt();
    std::vector<Pair> pairs;
    for (const std::string& passage : groups[g].passages)
      pairs.push_back({groups[g].query, passage});
    const std::vector<Score> scores = reranker.score(pairs);
    const std::string query = std::to_string(g);
    for (std::size_t i = 0; i < scores.size(); ++i) {
      run[query].emplace_back(std::to_string(i), scores[i].logit);
      if (groups[g].labels[i] > 0) qrels[query][std::to_string(i)] = 1;
    }
    // A passage that ties with the positive stands before it: a constant model gains nothing.
    std::stable_sort(run[query].begin(), run[query].end(), [&](const auto& a, const auto& b) {
      if (a.second != b.second) return a.second > b.second;
      return !qrels[query].contains(a.first) && qrels[query].contains(b.first);
    });
  }
  return {evaluate(qrels, run, "ndcg@10"), evaluate(qrels, run, "mrr@10"),
          evaluate(qrels, run, "hit@1")};
}

// JSON is YAML. The user's --set come last and win.
void run_trainer(const Options& options, const std::string& groups, const std::string& config) {
  const auto quoted = [](const std::string& text) {
    JsonLine line;
    line.set("x", text);
    const std::string json = line.text();  // {"x":"..."}
    return json.substr(json.find(':') + 1, json.size() - json.find(':') - 2);
  };
  Output file(config);
  file.line(fmt::format(
      "task: rerank\noutput: {}\nmodel: {{from: {}}}\ndata: {{train: {}, group_size: 8{}}}",
      quoted(options.output), quoted(options.model), quoted(groups),
      options.flags.max_length > 0 ? fmt::format(", max_length: {}", options.flags.max_length)
                                   : ""));
  file.line(fmt::format(
      "optimizer: {{lr: 1e-4, warmup: 0.1}}\nbatch: 16\nepochs: 1\nseed: {}\nthreads: {}",
      options.seed, options.flags.threads));
  file.close();
  std::vector<std::string> words = {trainer_program(), "train", config, "--restart"};
  if (options.text.progress) words.push_back("--progress");
  for (const std::string& assignment : options.set)
    words.insert(words.end(), {"--set", assignment});
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t self = getpid(), child = fork();
  if (child == 0) {
    // It would train on for nobody when this program is killed.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != self) _exit(127);
    release_signals();
    execv(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  check_interrupt();
  if (child < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw IoError("tune-domain: narabi-train failed; " + options.output +
                  "/training has its files");
}

void report(const Options& options, const Quality& before, const Quality& after,
            std::size_t groups) {
  Output output("-");
  if (options.json) {
    for (const auto& [name, quality] : {std::pair{"before", before}, std::pair{"after", after}}) {
      JsonLine line;
      line.set("model", std::string(name))
          .set_integer("questions", static_cast<std::int64_t>(groups))
          .set("ndcg@10", quality.ndcg)
          .set("mrr@10", quality.mrr)
          .set("hit@1", quality.hit);
      output.line(line.text());
    }
  } else {
    output.line(fmt::format(
        "{} held-out questions, at most {} passages each: up to {} of the same article, "
        "else BM25's best\n         nDCG@10  MRR@10   hit@1",
        groups, kJudgedDepth, kJudgedNeighbours));
    output.line(
        fmt::format("before    {:.4f}  {:.4f}  {:.4f}", before.ndcg, before.mrr, before.hit));
    output.line(fmt::format("after     {:.4f}  {:.4f}  {:.4f}", after.ndcg, after.mrr, after.hit));
  }
  output.close();
}

// What tune-domain says itself: another one would train something that it does not judge.
void check_settings(const Options& options) {
  constexpr const char* kOwn[] = {"output", "task", "model", "data.train"};
  for (const std::string& assignment : options.set) {
    const std::string key = assignment.substr(0, assignment.find('='));
    for (const std::string own : kOwn) {
      if (key != own && !key.starts_with(own + ".")) continue;
      if (key.starts_with("model.dtype")) continue;
      throw InvalidArgument("--set " + assignment +
                            ": tune-domain sets this itself, by --output, --model and --corpus");
    }
    if (key == "data")
      throw InvalidArgument("--set " + assignment + ": expected a key of it, as data.max_length");
  }
}

void run(const Options& options) {
  trainer_program();  // an installation without it says so before any work
  check_settings(options);
  checkpoint::ConfigFile(options.model + "/config.json");  // so does a wrong path
  std::error_code none;
  if (fs::equivalent(options.model, options.output, none))
    throw InvalidArgument("--output: expected another folder than --model, found " +
                          options.output);
  const mine::Corpus corpus = read(options);
  const Split questions = split(options, corpus);
  const LexicalIndex index(corpus.passages);
  const int threads = options.flags.threads > 0 ? options.flags.threads : base::available_cores();
  mine::MiningOptions learn, judged;
  learn.ranking = {};
  learn.ranking.count = 10;
  learn.ranking.sampling = mine::Sampling::kRandom;
  learn.same_article = 3;
  learn.random = 1;
  learn.seed = options.seed;
  judged.same_article = kJudgedNeighbours;
  judged.ranking.count = kJudgedDepth - 1 - kJudgedNeighbours;
  judged.ranking.range_max = kJudgedDepth;
  judged.filter_answers = false;
  const std::string work = options.output + "/training";
  fs::create_directories(work);
  const auto train = mine_groups(corpus, index, questions.train, learn, threads);
  const auto held = mine_groups(corpus, index, questions.held, judged, threads);
  write_groups(train, options.output + "/groups.jsonl");
  write_groups(held, options.output + "/held-out.jsonl");
  // Both in one precision: the tuned folder has no record of a gate yet.
  ModelOptions judging = options.flags.options();
  if (judging.precision == Precision::kAuto) judging.precision = Precision::kF32;
  const Quality before = judge(held, options.model, judging);
  run_trainer(options, options.output + "/groups.jsonl", options.output + "/tune.yaml");
  report(options, before, judge(held, options.output, judging), held.size());
}

}  // namespace
}  // namespace tune_domain_command

void add_tune_domain(CLI::App& app) {
  using namespace tune_domain_command;
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("tune-domain", "Tunes a model on your documents, and says what it gained");
  command->add_option("--corpus", options->corpus, "JSON lines {\"id\", \"title\"?, \"text\"}")
      ->required();
  command->add_option("--clicks", options->clicks,
                      "Lines QUERY<TAB>DOCUMENT-ID (default: questions made from the documents)");
  command->add_option("--model", options->model, "The model folder to start from")->required();
  command->add_option("--output", options->output, "Folder of the tuned model")->required();
  command->add_option("--held-out", options->held_out, "Share of the articles to judge by")
      ->check(between(0.01, 0.9))
      ->capture_default_str();
  command->add_option("--questions", options->questions, "To learn from, at most")
      ->check(at_least(1))
      ->capture_default_str();
  command->add_option("--judged", options->judged, "Held-out questions, at most")
      ->check(at_least(1))
      ->capture_default_str();
  command->add_option("--set", options->set, "KEY=VALUE of the training config, e.g. epochs=2")
      ->take_all();
  command->add_option("--seed", options->seed, "Of everything random")->capture_default_str();
  command->add_flag("--json", options->json, "JSON lines on stdout");
  options->flags.add_to(*command);
  options->text.add_to(*command);
  command->footer(
      "Articles are the documents in a row with one title. OUTPUT also gets groups.jsonl, "
      "held-out.jsonl "
      "and tune.yaml.\n\nExamples:\n"
      "  narabi tune-domain --corpus docs.jsonl --model models/narabi-xsmall --output "
      "mine\n"
      "  narabi tune-domain --corpus docs.jsonl --clicks clicks.tsv --model DIR --output mine "
      "--set "
      "optimizer.lr=5e-5");
  command->callback([options] { run(*options); });
}

}  // namespace narabi::cli
