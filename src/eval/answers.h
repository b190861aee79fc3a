// Quiz questions judged by the passages found for them: AIO (JAQKET), as the article's evaluation
// does it.
//
//   The titles of the first k passages, then their texts, are joined with spaces. The answer
//   candidate that occurs first in that text is the prediction; of two that begin at the same place
//   the one that the question lists first.
//   acc@k = share of questions whose prediction is the answer
//   nmr@k = share of questions of which no candidate occurs ("no match rate")
//   hit@k = share of questions whose answer occurs, whatever else does
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace narabi::eval {

struct QuizQuestion {
  std::string answer;
  std::vector<std::string> candidates;  // the answer among them
};

struct FoundPassage {
  std::string_view title, text;
};

struct AnswerMetrics {
  double accuracy = 0, no_match_rate = 0, hit_rate = 0;
};

// `found`: by question, best first.
AnswerMetrics judge_answers(std::span<const QuizQuestion> questions,
                            std::span<const std::vector<FoundPassage>> found, std::size_t k);

}  // namespace narabi::eval
