#include "mine/miner.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>

#include "base/thread_pool.h"
#include "data/readers.h"
#include "narabi/error.h"

namespace narabi::mine {

void Corpus::add(Document passage, std::size_t article_number) {
  if (members.size() <= article_number) members.resize(article_number + 1);
  members[article_number].push_back(passages.size());
  article.push_back(article_number);
  passages.push_back(std::move(passage));
}

void Corpus::add(Document passage, const std::string& article_name) {
  // Passages of an article stand together in every layout that narabi reads.
  if (names_.empty() || article_name.empty() || names_.back() != article_name)
    names_.push_back(article_name);
  add(std::move(passage), names_.size() - 1);
}

std::string Corpus::text(std::size_t passage) const {
  return data::model_text(passages[passage].title, passages[passage].text);
}

// A question with its candidates, between ranking and choosing.
struct Miner::Draft {
  const Question* question = nullptr;
  std::vector<Candidate> ranking;
  std::vector<Candidate> positives;
};

Miner::Miner(const Corpus& corpus, const LexicalIndex* index, const Run* run,
             std::span<const Reranker> models, const MiningOptions& options)
    : corpus_(corpus), index_(index), models_(models), options_(options) {
  everything_.resize(corpus.passages.size());
  std::iota(everything_.begin(), everything_.end(), std::size_t{0});
  if (run != nullptr) read_run(*run);
}

void Miner::read_run(const Run& run) {
  from_run_ = true;
  std::unordered_map<std::string, std::size_t> positions;
  for (std::size_t i = 0; i < corpus_.passages.size(); ++i) positions[corpus_.passages[i].id] = i;
  for (const auto& [query, hits] : run) {
    for (const auto& [id, score] : hits) {
      const auto found = positions.find(id);
      if (found == positions.end())
        throw InvalidFormat("the run's document " + id + " (query " + query +
                            ") is not in the corpus");
      rankings_[query].push_back({found->second, score});
    }
  }
}

// The ranking without positives and without passages that hold the answer. A positive gets its
// score in the ranking; one that the ranking lacks gets infinity, so that no margin counts from it.
void Miner::rank(Draft& draft, Dropped& dropped) const {
  const Question& question = *draft.question;
  for (const std::size_t positive : question.positives)
    draft.positives.push_back({positive, std::numeric_limits<double>::infinity()});
  std::vector<Candidate> all;
  if (from_run_) {
    const auto found = rankings_.find(question.id);
    if (found != rankings_.end()) all = found->second;
  } else {
    const std::size_t wanted = options_.ranking.range_max + question.positives.size();
    for (const Hit& hit : index_->search(question.text, wanted))
      all.push_back({hit.document, hit.score});
  }
  const AnswerFilter answers = answer_filter(question);
  for (const Candidate& candidate : all) {
    const auto positive =
        std::find_if(draft.positives.begin(), draft.positives.end(),
                     [&](const Candidate& known) { return known.passage == candidate.passage; });
    if (positive != draft.positives.end()) {
      positive->score = candidate.score;
    } else if (is_answer(question, answers, candidate.passage)) {
      ++dropped.by_answer;
    } else {
      draft.ranking.push_back(candidate);
    }
  }
  if (options_.bm25_weight == 0) return;
  for (Candidate& positive : draft.positives) {
    if (std::isinf(positive.score)) positive.score = bm25_of(question, {positive.passage})[0];
  }
}

// Of passages that may lie beyond the ranking: 0 for one that shares nothing with the question.
std::vector<double> Miner::bm25_of(const Question& question,
                                   const std::vector<std::size_t>& passages) const {
  std::vector<double> scores(passages.size());
  for (const Hit& hit : index_->search(question.text, index_->size())) {
    for (std::size_t i = 0; i < passages.size(); ++i) {
      if (passages[i] == hit.document) scores[i] = hit.score;
    }
  }
  return scores;
}

AnswerFilter Miner::answer_filter(const Question& question) const {
  return AnswerFilter(options_.filter_answers ? question.answers : std::vector<std::string>{});
}

bool Miner::is_answer(const Question& question, const AnswerFilter& answers,
                      std::size_t passage) const {
  const Document& asked = corpus_.passages[passage];
  return answers.found_in(asked.text) ||
         std::any_of(question.positives.begin(), question.positives.end(), [&](std::size_t known) {
           const Document& positive = corpus_.passages[known];
           return known != passage && positive.text == asked.text && positive.title == asked.title;
         });
}

void Miner::score(std::vector<Draft>& drafts) const {
  std::vector<std::string> texts;
  std::vector<Candidate*> slots;
  std::vector<const Question*> questions;
  const auto want = [&](Candidate& candidate, const Question& question, bool positive) {
    slots.push_back(&candidate);
    questions.push_back(&question);
    texts.push_back(positive && !question.positive_text.empty() ? question.positive_text
                                                                : corpus_.text(candidate.passage));
  };
  for (Draft& draft : drafts) {
    if (draft.ranking.size() > options_.ranking.range_max)
      draft.ranking.resize(options_.ranking.range_max);
    for (Candidate& candidate : draft.positives) want(candidate, *draft.question, true);
    for (Candidate& candidate : draft.ranking) want(candidate, *draft.question, false);
  }
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < texts.size(); ++i) pairs.push_back({questions[i]->text, texts[i]});
  const std::vector<double> logits = mean_logits(pairs);
  const double weight = options_.bm25_weight;
  for (std::size_t i = 0; i < slots.size(); ++i)  // their scores are BM25's so far
    slots[i]->score = logits[i] + (weight > 0 ? weight * slots[i]->score : 0);
  for (Draft& draft : drafts) {
    std::stable_sort(draft.ranking.begin(), draft.ranking.end(),
                     [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  }
}

std::vector<double> Miner::mean_logits(const std::vector<Pair>& pairs) const {
  std::vector<double> mean(pairs.size());
  for (const Reranker& model : models_) {
    const std::vector<Score> scores = model.score(pairs);
    for (std::size_t i = 0; i < pairs.size(); ++i)
      mean[i] += scores[i].logit / static_cast<double>(models_.size());
  }
  return mean;
}

data::Group Miner::finish(const Draft& draft, std::size_t number, Dropped& dropped) const {
  const Question& question = *draft.question;
  std::mt19937_64 random(options_.seed * 0x9E3779B97F4A7C15ull + number);
  double hardest = std::numeric_limits<double>::infinity();
  for (const Candidate& positive : draft.positives) hardest = std::min(hardest, positive.score);
  const std::vector<Candidate> chosen =
      choose_negatives(draft.ranking, hardest, options_.ranking, random, dropped);
  if (is_easy(chosen, hardest, options_.ranking)) {
    ++dropped.easy;
    return {};
  }

  std::vector<std::size_t> taken = question.positives;
  for (const Candidate& candidate : chosen) taken.push_back(candidate.passage);
  std::vector<std::size_t> extra;
  const AnswerFilter answers = answer_filter(question);
  const auto add_sampled = [&](const std::vector<std::size_t>& pool, std::size_t count) {
    std::vector<std::size_t> allowed;
    for (const std::size_t passage : pool) {
      if (!is_answer(question, answers, passage)) allowed.push_back(passage);
    }
    for (const std::size_t passage : sample(allowed, count, taken, random))
      extra.push_back(passage);
  };
  if (options_.same_article > 0 && !question.positives.empty())
    add_sampled(corpus_.members[corpus_.article[question.positives[0]]], options_.same_article);
  std::uniform_int_distribution<std::size_t> any(0, everything_.size() - 1);
  std::vector<std::size_t> drawn;  // a few more than wanted, since some will be taken already
  for (std::size_t i = 0; i < options_.random * 4; ++i) drawn.push_back(any(random));
  std::sort(drawn.begin(), drawn.end());
  drawn.erase(std::unique(drawn.begin(), drawn.end()), drawn.end());
  add_sampled(drawn, options_.random);

  data::Group group;
  if (chosen.empty() && extra.empty()) return group;
  group.query = question.text;
  const auto push = [&](std::string text, float label, double score) {
    group.passages.push_back(std::move(text));
    group.labels.push_back(label);
    if (!models_.empty()) group.teacher.push_back(static_cast<float>(score));
  };
  for (const Candidate& positive : draft.positives) {
    push(question.positive_text.empty() ? corpus_.text(positive.passage) : question.positive_text,
         1, positive.score);
  }
  for (const Candidate& candidate : chosen)
    push(corpus_.text(candidate.passage), 0, candidate.score);
  if (extra.empty()) return group;
  std::vector<std::string> texts;
  for (const std::size_t passage : extra) texts.push_back(corpus_.text(passage));
  std::vector<double> scores(extra.size());
  if (!models_.empty()) {
    std::vector<Pair> pairs;
    for (const std::string& text : texts) pairs.push_back({question.text, text});
    scores = mean_logits(pairs);
  }
  if (options_.bm25_weight > 0) {
    const std::vector<double> bm25 = bm25_of(question, extra);
    for (std::size_t i = 0; i < extra.size(); ++i) scores[i] += options_.bm25_weight * bm25[i];
  }
  for (std::size_t i = 0; i < extra.size(); ++i) push(std::move(texts[i]), 0, scores[i]);
  return group;
}

std::vector<data::Group> Miner::mine(const std::vector<Question>& questions, std::size_t first,
                                     int threads) {
  std::vector<Draft> drafts(questions.size());
  std::vector<data::Group> groups(questions.size());
  std::vector<Dropped> dropped(questions.size());
  base::ThreadPool pool(threads);
  pool.parallel_for(questions.size(), [&](std::size_t i, int) {
    drafts[i].question = &questions[i];
    rank(drafts[i], dropped[i]);
  });
  if (!models_.empty()) score(drafts);
  pool.parallel_for(questions.size(), [&](std::size_t i, int) {
    groups[i] = finish(drafts[i], first + i, dropped[i]);
  });
  for (const Dropped& part : dropped) {
    dropped_.by_margin += part.by_margin;
    dropped_.by_score += part.by_score;
    dropped_.by_answer += part.by_answer;
    dropped_.easy += part.easy;
  }
  return groups;
}

}  // namespace narabi::mine
