#include "mine/negatives.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "text/unicode.h"

namespace narabi::mine {
namespace {

std::string comparable(const std::string& text) {
  return text::lower(text::nfkc(text));
}

bool too_close(double score, double hardest_positive, const NegativeRules& rules) {
  if (score > hardest_positive - rules.margin) return true;
  return rules.relative_margin > 0 && hardest_positive > 0 &&
         score > hardest_positive * (1 - rules.relative_margin);
}

}  // namespace

NegativeRules::NegativeRules()
    : margin(-std::numeric_limits<double>::infinity()),
      relative_margin(0),
      max_score(std::numeric_limits<double>::infinity()),
      max_lead(std::numeric_limits<double>::infinity()) {}

std::vector<Candidate> choose_negatives(const std::vector<Candidate>& ranking,
                                        double hardest_positive, const NegativeRules& rules,
                                        std::mt19937_64& random, Dropped& dropped) {
  std::vector<Candidate> allowed;
  for (std::size_t rank = rules.range_min; rank < std::min(rules.range_max, ranking.size());
       ++rank) {
    const Candidate& candidate = ranking[rank];
    if (candidate.score > rules.max_score) {
      ++dropped.by_score;
    } else if (too_close(candidate.score, hardest_positive, rules)) {
      ++dropped.by_margin;
    } else {
      allowed.push_back(candidate);
    }
  }
  if (allowed.size() <= rules.count) return allowed;
  if (rules.sampling == Sampling::kTop) {
    allowed.resize(rules.count);
    return allowed;
  }
  std::vector<Candidate> chosen;  // std::sample keeps the ranking's order
  std::sample(allowed.begin(), allowed.end(), std::back_inserter(chosen), rules.count, random);
  return chosen;
}

bool is_easy(const std::vector<Candidate>& chosen, double hardest_positive,
             const NegativeRules& rules) {
  return !chosen.empty() && std::isfinite(hardest_positive) &&
         hardest_positive - chosen.front().score > rules.max_lead;
}

std::vector<std::size_t> sample(const std::vector<std::size_t>& pool, std::size_t count,
                                std::vector<std::size_t>& taken, std::mt19937_64& random) {
  std::vector<std::size_t> free;
  for (const std::size_t item : pool) {
    if (std::find(taken.begin(), taken.end(), item) == taken.end()) free.push_back(item);
  }
  std::vector<std::size_t> chosen;
  std::sample(free.begin(), free.end(), std::back_inserter(chosen), count, random);
  taken.insert(taken.end(), chosen.begin(), chosen.end());
  return chosen;
}

AnswerFilter::AnswerFilter(const std::vector<std::string>& answers) {
  for (const std::string& answer : answers) {
    if (!answer.empty()) answers_.push_back(comparable(answer));
  }
}

bool AnswerFilter::found_in(const std::string& text) const {
  if (answers_.empty()) return false;
  const std::string haystack = comparable(text);
  return std::any_of(answers_.begin(), answers_.end(), [&](const std::string& answer) {
    return haystack.find(answer) != std::string::npos;
  });
}

}  // namespace narabi::mine
