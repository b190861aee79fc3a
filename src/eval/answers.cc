#include "eval/answers.h"

#include <algorithm>

namespace narabi::eval {
namespace {

std::string joined(const std::vector<FoundPassage>& passages, std::size_t k) {
  std::string text;
  const std::size_t count = std::min(k, passages.size());
  for (std::size_t i = 0; i < count; ++i) text.append(passages[i].title) += ' ';
  for (std::size_t i = 0; i < count; ++i) text.append(passages[i].text) += ' ';
  return text;
}

}  // namespace

AnswerMetrics judge_answers(std::span<const QuizQuestion> questions,
                            std::span<const std::vector<FoundPassage>> found, std::size_t k) {
  AnswerMetrics sums;
  for (std::size_t q = 0; q < questions.size(); ++q) {
    const std::string text = joined(found[q], k);
    const std::string* predicted = nullptr;
    std::size_t first = std::string::npos;
    for (const std::string& candidate : questions[q].candidates) {
      // Only what begins before the best so far counts: `first` characters and one of its own.
      const std::string_view part = std::string_view(text).substr(
          0, first == std::string::npos ? first : first + candidate.size());
      const std::size_t at = part.find(candidate);
      if (at == std::string::npos || at >= first) continue;
      first = at;
      predicted = &candidate;
    }
    sums.accuracy += predicted != nullptr && *predicted == questions[q].answer ? 1 : 0;
    sums.no_match_rate += predicted == nullptr ? 1 : 0;
    sums.hit_rate += text.find(questions[q].answer) != std::string::npos ? 1 : 0;
  }
  const auto n = static_cast<double>(std::max<std::size_t>(questions.size(), 1));
  return {sums.accuracy / n, sums.no_match_rate / n, sums.hit_rate / n};
}

}  // namespace narabi::eval
