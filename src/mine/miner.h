// From questions and a corpus to training groups: positives, and negatives of several kinds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/groups.h"
#include "mine/negatives.h"
#include "narabi/evaluation.h"
#include "narabi/reranker.h"
#include "narabi/search.h"

namespace narabi::mine {

// Passages, and which of them belong to one article (the same title, or SQuAD's article).
struct Corpus {
  std::vector<Document> passages;
  std::vector<std::size_t> article;               // of each passage
  std::vector<std::vector<std::size_t>> members;  // passages of each article

  void add(Document passage, const std::string& article_name);
  void add(Document passage, std::size_t article_number);
  std::string text(std::size_t passage) const;  // what a model reads: "title text"

 private:
  std::vector<std::string> names_;
};

struct Question {
  std::string id = {}, text = {};
  std::vector<std::size_t> positives = {};  // positions in the corpus
  std::vector<std::string> answers = {};    // for the answer filter; may be empty
  std::string positive_text = {};           // when not empty: instead of the positive's own text
};

struct MiningOptions {
  NegativeRules ranking;         // BM25's, or the run's
  std::size_t same_article = 0;  // negatives of a positive's article, at random
  std::size_t random = 0;        // negatives of the whole corpus, at random
  double bm25_weight = 0;        // with models and an index: scores are logit + bm25_weight x BM25
  bool filter_answers = true;
  std::uint64_t seed = 1;
};

// Deterministic: a question's group depends on its position and the seed only.
class Miner {
 public:
  // Rankings come from `index`, or from `run` (query id -> document id) where it is given. With
  // `models`, candidates and positives are scored by the mean of their logits, plus bm25_weight
  // times BM25: margins are then on that, the most relevant comes first, and the groups carry it as
  // teacher scores; else they carry none. Borrows everything.
  Miner(const Corpus& corpus, const LexicalIndex* index, const Run* run,
        std::span<const Reranker> models, const MiningOptions& options);

  // Questions [first, first + questions.size()) of all. Groups without a negative have no passages.
  std::vector<data::Group> mine(const std::vector<Question>& questions, std::size_t first,
                                int threads);
  const Dropped& dropped() const { return dropped_; }

 private:
  struct Draft;
  void rank(Draft& draft, Dropped& dropped) const;
  AnswerFilter answer_filter(const Question& question) const;
  // Holds an answer, or is a copy of a positive.
  bool is_answer(const Question& question, const AnswerFilter& answers, std::size_t passage) const;
  void score(std::vector<Draft>& drafts) const;
  std::vector<double> bm25_of(const Question& question,
                              const std::vector<std::size_t>& passages) const;
  std::vector<double> mean_logits(const std::vector<Pair>& pairs) const;
  data::Group finish(const Draft& draft, std::size_t number, Dropped& dropped) const;
  void read_run(const Run& run);

  const Corpus& corpus_;
  const LexicalIndex* index_;
  std::span<const Reranker> models_;
  MiningOptions options_;
  std::unordered_map<std::string, std::vector<Candidate>> rankings_;  // of the run
  bool from_run_ = false;
  std::vector<std::size_t> everything_;
  Dropped dropped_;
};

}  // namespace narabi::mine
