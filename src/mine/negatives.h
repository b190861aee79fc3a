// Hard negatives for training a reranker: which candidates of a query become its negatives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace narabi::mine {

// A passage that a ranking offers as a negative, best first.
struct Candidate {
  std::size_t passage = 0;  // position in the corpus
  double score = 0;         // the ranking's (BM25, or the logit of the filter model)
};

enum class Sampling { kTop, kRandom };

struct NegativeRules {
  std::size_t count = 7;      // negatives of the ranking per query, at most
  std::size_t range_min = 0;  // ranks [range_min, range_max) of the ranking, the best is 0
  std::size_t range_max = 30;
  Sampling sampling = Sampling::kTop;
  // A candidate is dropped as a likely false negative when its score is above
  //   hardest positive - margin,  or  hardest positive x (1 - relative_margin),  or  max_score.
  // The hardest positive is the one with the lowest score. Infinite or 0: no such rule.
  double margin;           // -inf: off
  double relative_margin;  // 0: off; for positive scores only (a score <= 0 is left alone)
  double max_score;        // +inf: off
  // A question is dropped as easy when its hardest positive is ahead of every negative chosen from
  // the ranking by more than this: softmax_ce has no gradient left there.
  double max_lead;  // +inf: off
  NegativeRules();
};

// Why candidates, and easy questions, fell out, summed over queries: for the report.
struct Dropped {
  std::size_t by_margin = 0, by_score = 0, by_answer = 0, easy = 0;
};

// `ranking` holds no positives. `hardest_positive`: score of the query's hardest positive under the
// same ranking. Returns the chosen candidates in the ranking's order.
std::vector<Candidate> choose_negatives(const std::vector<Candidate>& ranking,
                                        double hardest_positive, const NegativeRules& rules,
                                        std::mt19937_64& random, Dropped& dropped);

// Whether max_lead leaves the question out; `chosen` best first. A positive without a score
// (infinite: the ranking lacks it) leads by nothing that could be said.
bool is_easy(const std::vector<Candidate>& chosen, double hardest_positive,
             const NegativeRules& rules);

// `count` of `pool` at random, without repetition, never one of `taken` (which grows by them).
std::vector<std::size_t> sample(const std::vector<std::size_t>& pool, std::size_t count,
                                std::vector<std::size_t>& taken, std::mt19937_64& random);

// Whether a text holds one of the answers (compared after NFKC and lower-casing): a passage that
// does is likely to be a positive that nobody judged.
class AnswerFilter {
 public:
  explicit AnswerFilter(const std::vector<std::string>& answers);
  bool found_in(const std::string& text) const;

 private:
  std::vector<std::string> answers_;
};

}  // namespace narabi::mine
