// A corpus with questions about it: what mining starts from.
#pragma once

#include <cstddef>
#include <vector>

#include "data/squad.h"
#include "mine/miner.h"

namespace narabi::mine {

struct QuestionSet {
  Corpus corpus;
  std::vector<Question> questions;
};

// How the paragraphs of a SQuAD file become passages.
struct PassageForm {
  bool titles = false;         // with the article's title, where it is not in the text already
  std::size_t max_length = 0;  // in characters (code points); 0: a paragraph is a passage
};

// Longer paragraphs are cut between sentences into parts of about the same length, none longer than
// max_length unless a sentence is; a question's passage is the part in which its answer begins.
QuestionSet from_squad(const data::SquadSplit& split, const PassageForm& form);

}  // namespace narabi::mine
