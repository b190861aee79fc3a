#include "cli/reproduce_task.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/reproduce_stages.h"
#include "data/corpus_reader.h"
#include "data/readers.h"
#include "data/squad.h"
#include "eval/answers.h"
#include "narabi/error.h"

namespace narabi::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLinesBetweenLooks = 256;  // for Ctrl-C

enum class Kind { kSquad, kSets, kCorpus };

struct Known {
  const char *name, *folder;
  Kind kind;
  std::vector<std::string> metrics;
};

const std::vector<Known>& known() {
  static const std::vector<std::string> kSquadMetrics = {"ndcg@10", "hit@1", "mrr@10", "map@10"};
  static const std::vector<Known> kAll = {
      {"jsquad", "jsquad/jsquad-valid-v1.3.json.xz", Kind::kSquad, kSquadMetrics},
      {"jaquad", "jaquad/jaquad-dev.json.xz", Kind::kSquad, kSquadMetrics},
      {"jaquad-train", "jaquad/jaquad-train.json.xz", Kind::kSquad, kSquadMetrics},
      {"jqara", "jqara", Kind::kSets, {"ndcg@10", "mrr@10"}},
      {"jacwir", "jacwir", Kind::kSets, {"map@10", "hit@10"}},
      {"miracl-ja", "miracl-ja", Kind::kCorpus, {"ndcg@10", "recall@100"}},
      {"aio",
       "aio",
       Kind::kCorpus,
       {"acc@1", "acc@5", "acc@10", "acc@100", "nmr@10", "nmr@100", "hit@10", "hit@100"}}};
  return kAll;
}

void limit_queries(ReproduceTask& task, std::size_t limit) {
  if (limit > 0 && task.queries.size() > limit) task.queries.resize(limit);
}

data::SquadSplit skip_articles(data::SquadSplit split, const ReproduceOptions& options,
                               const std::string& file) {
  const std::size_t most = split.paragraphs[split.questions.back().paragraph].article;
  if (options.skip_articles > most)
    throw InvalidArgument("--skip-articles: expected at most " + std::to_string(most) +
                          " of the articles of " + file + ", found " +
                          std::to_string(options.skip_articles) + ": no question would be left");
  return data::take_articles(std::move(split), options.skip_articles);
}

void load_squad(ReproduceTask& task, const ReproduceOptions& options, const std::string& file) {
  data::SquadSplit split = data::read_squad(file);
  if (options.skip_articles > 0) split = skip_articles(std::move(split), options, file);
  mine::QuestionSet set = mine::from_squad(split, options.form);
  const std::size_t passages = set.corpus.passages.size();
  for (std::size_t i = 0; i < passages; ++i)
    task.passages.add({set.corpus.passages[i].id, "", "", set.corpus.text(i)});
  for (mine::Question& question : set.questions) {
    task.qrels[question.id][set.corpus.passages[question.positives[0]].id] = 1;
    task.queries.push_back({std::move(question.id), std::move(question.text), "", {}});
  }
  limit_queries(task, options.limit);
  add_index_stages(task, options, [&](IndexWriter& writer) {
    for (std::size_t i = 0; i < passages; ++i)
      writer.add({task.passages[i].id, "", task.passages[i].text, ""});
  });
}

// Runs that lie beside the collection, by name.
void read_published_runs(ReproduceTask& task, const std::string& folder) {
  if (!fs::is_directory(folder)) return;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.find(".run") != std::string::npos && !name.starts_with("candidates."))
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    const std::string name = file.filename().string();
    task.runs.emplace_back(name.substr(0, name.find(".run")), read_run(file.string()));
  }
}

void load_sets(ReproduceTask& task, const ReproduceOptions& options, const std::string& folder) {
  task.qrels = read_qrels(data::need_file(folder, "qrels.trec"));
  read_published_runs(task, folder);
  const bool only_runs = !task.runs.empty() && options.models.empty() &&
                         options.embedders.empty() &&
                         data::find_file(folder, "candidates.run").empty();
  if (only_runs) return;  // the texts are not needed to judge runs
  const Run candidates = read_run(data::need_file(folder, "candidates.run"));
  task.queries = data::read_collection_queries(data::need_file(folder, "queries.jsonl"));
  limit_queries(task, options.limit);
  std::vector<std::string> wanted;
  for (const auto& query : task.queries) {
    const auto found = candidates.find(query.id);
    if (found == candidates.end())
      throw InvalidFormat(folder + ": candidates.run has no candidates of the query " + query.id);
    for (const auto& [id, score] : found->second) wanted.push_back(id);
  }
  data::read_passages(data::corpus_files(folder), wanted, task.passages);
  std::vector<std::vector<std::size_t>> sets;
  for (const auto& query : task.queries) {
    auto& set = sets.emplace_back();
    for (const auto& [id, score] : candidates.at(query.id)) set.push_back(task.passages.at(id));
  }
  add_set_stages(task, options, sets);
}

void add_corpus(const std::string& file, const ReproduceOptions& options, IndexWriter& writer) {
  data::CorpusReader reader(file, data::CorpusFormat::kJson, base::InvalidUtf8::kReject);
  Progress progress(fs::path(file).filename().string(), expected_lines(file, options.progress),
                    options.progress);
  data::CorpusDocument document;
  for (std::size_t lines = 0; reader.next(document); ++lines) {
    if (lines % kLinesBetweenLooks == 0) check_interrupt();
    writer.add({std::move(document.id), std::move(document.title), std::move(document.text),
                std::move(document.metadata)});
    progress.add(1);
  }
}

void load_corpus(ReproduceTask& task, const ReproduceOptions& options, const std::string& folder) {
  task.queries = data::read_collection_queries(data::need_file(folder, "queries.jsonl"));
  limit_queries(task, options.limit);
  if (task.quiz) {
    for (const auto& query : task.queries) {
      if (query.answer.empty())
        throw InvalidFormat(folder + ": queries.jsonl: the question " + query.id +
                            " has no \"answer\"");
    }
  } else {
    task.qrels = read_qrels(data::need_file(folder, "qrels.trec"));
  }
  const auto files = data::corpus_files(folder);
  add_index_stages(task, options, [&](IndexWriter& writer) {
    for (const std::string& file : files) add_corpus(file, options, writer);
  });
}

// "acc@10" as its name and its number.
std::pair<std::string, std::size_t> parts_of(const std::string& metric) {
  const std::size_t at = metric.find('@');
  std::size_t k = 0;
  std::from_chars(metric.data() + at + 1, metric.data() + metric.size(), k);
  return {metric.substr(0, at), k};
}

double judge_quiz(const ReproduceTask& task, const Ranking& ranking, const std::string& metric) {
  const auto [name, k] = parts_of(metric);
  std::vector<eval::QuizQuestion> questions;
  std::vector<std::vector<eval::FoundPassage>> found;
  for (std::size_t q = 0; q < task.queries.size(); ++q) {
    questions.push_back({task.queries[q].answer, task.queries[q].answer_candidates});
    auto& passages = found.emplace_back();
    for (std::size_t i = 0; i < std::min<std::size_t>(k, ranking[q].size()); ++i) {
      const auto& passage = task.passages[ranking[q][i].first];
      passages.push_back({passage.title, passage.text});
    }
  }
  const auto values = eval::judge_answers(questions, found, k);
  return name == "acc" ? values.accuracy : name == "nmr" ? values.no_match_rate : values.hit_rate;
}

}  // namespace

std::size_t ReproduceOptions::deepest() const {
  return *std::max_element(depths.begin(), depths.end());
}

const std::vector<std::string>& collection_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const Known& one : known()) names.emplace_back(one.name);
    return names;
  }();
  return kNames;
}

ReproduceTask load_task(const ReproduceOptions& options) {
  const auto found = std::find_if(known().begin(), known().end(),
                                  [&](const Known& one) { return one.name == options.name; });
  if (found->kind != Kind::kSquad && (options.form.titles || options.form.max_length > 0))
    throw InvalidArgument(options.name +
                          ": --titles and --passage-length are for jsquad, jaquad, jaquad-train");
  ReproduceTask task;
  task.name = options.name;
  task.metrics = found->metrics;
  task.quiz = options.name == "aio";
  const std::string place = (fs::path(options.data) / found->folder).string();
  if (found->kind == Kind::kSquad) {
    load_squad(task, options, place);
  } else if (found->kind == Kind::kSets) {
    load_sets(task, options, place);
  } else {
    load_corpus(task, options, place);
  }
  return task;
}

std::string passage_text(const ReproduceTask& task, std::size_t passage) {
  const auto& found = task.passages[passage];
  if (!task.quiz) return data::model_text(found.title, found.text);
  return data::model_text(found.title, data::model_text(found.section, found.text));
}

double judge(const ReproduceTask& task, const Ranking& ranking, const std::string& metric) {
  if (task.quiz)
    return judge_quiz(task, ranking,
                      metric.starts_with("recall@") ? "hit@" + metric.substr(7) : metric);
  Run run;
  for (std::size_t q = 0; q < ranking.size(); ++q) {
    auto& out = run[task.queries[q].id];
    for (const auto& [passage, score] : ranking[q])
      out.emplace_back(task.passages[passage].id, score);
  }
  return evaluate(task.qrels, run, metric);
}

}  // namespace narabi::cli
