// Questions of a SQuAD file with their best paragraphs by BM25: the pairs on which a precision is
// calibrated and judged.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "data/squad.h"
#include "narabi/evaluation.h"
#include "narabi/reranker.h"
#include "narabi/search.h"

namespace narabi::cli {

struct RankedQuestions {
  data::SquadSplit split;                    // its questions are those that were chosen
  std::vector<std::vector<Hit>> candidates;  // of each; documents are paragraphs of the split
  Qrels qrels;                               // by the question's id and the paragraph's number

  std::size_t pairs() const;
  std::vector<Pair> pairs_of(std::size_t question) const;  // views of the split's texts
};

// `questions` of the file, spread over its articles (0: all), each with `depth` candidates.
RankedQuestions rank_questions(const std::string& path, std::size_t questions, std::size_t depth);

}  // namespace narabi::cli
