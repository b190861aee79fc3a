// What narabi reproduce ranks: a collection's queries, passages and judgements, and the rankings
// of its first stages.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "data/collection.h"
#include "mine/question_set.h"
#include "narabi/evaluation.h"
#include "narabi/options.h"

namespace narabi::cli {

// By query, best first: a passage of the table and its score.
using Ranking = std::vector<std::vector<std::pair<std::size_t, double>>>;

struct Stage {
  std::string name;
  std::string blend_key;  // what the second of `candidates` is: "bm25" or "dense"
  Ranking candidates;     // scores as a reranker blends them in, in the stage's own order
  double seconds = 0;     // of all queries
  bool reranked = true;
};

struct ReproduceTask {
  std::string name;
  std::vector<data::CollectionQuery> queries;
  data::PassageTable passages;
  Qrels qrels;                       // empty for a quiz, which is judged by answers
  std::vector<std::string> metrics;  // the first one is the article's
  bool quiz = false;
  std::vector<Stage> stages;
  std::vector<std::pair<std::string, Run>> runs;  // published ones that lie beside the collection
};

struct ReproduceOptions {
  std::string name, data = "data";
  std::vector<std::string> models, embedders;
  Prompts prompts;  // of the embedders
  std::vector<std::size_t> depths = {10, 20};
  std::string dense;  // Faiss factory; empty: exact
  std::string index;  // where indexes are kept; empty: nowhere
  std::size_t limit = 0, skip_articles = 0, nprobe = 0;
  mine::PassageForm form;  // of jsquad, jaquad, jaquad-train
  bool lexical_parts = false, progress = false;

  std::size_t deepest() const;
};

// The names that narabi reproduce knows.
const std::vector<std::string>& collection_names();

// Everything but reranking. Throws Error, Interrupted.
ReproduceTask load_task(const ReproduceOptions& options);

// What the reranker reads: "title text", for AIO "title section text".
std::string passage_text(const ReproduceTask& task, std::size_t passage);

// The value of one of the task's metrics, or of "recall@K" (of a quiz: hit@K).
double judge(const ReproduceTask& task, const Ranking& ranking, const std::string& metric);

}  // namespace narabi::cli
