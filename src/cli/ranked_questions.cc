#include "cli/ranked_questions.h"

#include <utility>

namespace narabi::cli {

std::size_t RankedQuestions::pairs() const {
  std::size_t count = 0;
  for (const auto& hits : candidates) count += hits.size();
  return count;
}

std::vector<Pair> RankedQuestions::pairs_of(std::size_t question) const {
  std::vector<Pair> pairs;
  for (const Hit& hit : candidates[question])
    pairs.push_back({split.questions[question].text, split.paragraphs[hit.document].text});
  return pairs;
}

RankedQuestions rank_questions(const std::string& path, std::size_t questions, std::size_t depth) {
  RankedQuestions ranked;
  ranked.split = data::read_squad(path);
  auto& chosen = ranked.split.questions;
  std::vector<Document> documents;
  for (std::size_t i = 0; i < ranked.split.paragraphs.size(); ++i)
    documents.push_back({std::to_string(i), "", ranked.split.paragraphs[i].text});
  if (questions > 0 && questions < chosen.size()) {
    // Spread over the articles: neighbours ask about the same paragraph.
    const std::size_t step = chosen.size() / questions;
    for (std::size_t i = 0; i < questions; ++i) chosen[i] = chosen[i * step];
    chosen.resize(questions);
  }
  const LexicalIndex index(std::move(documents), {});
  for (const data::SquadQuestion& question : chosen) {
    ranked.candidates.push_back(index.search(question.text, depth));
    ranked.qrels[question.id][std::to_string(question.paragraph)] = 1;
  }
  return ranked;
}

}  // namespace narabi::cli
