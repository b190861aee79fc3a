// Questions made from passages alone, for pair pretraining and for domains without queries.
//
//   ict     a sentence of the passage; the positive is the passage without it (inverse cloze task,
//           Lee et al. 2019; in one of ten the sentence stays, so that matching words counts, too)
//   cloze   a sentence with one of its spans replaced by 何, 誰, いつ, どこ or いくつ; the passage
//   clause  the same of a part of a sentence between commas: as short as people ask
//   title   title (and section, when the text begins with one) to the passage
#pragma once

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "mine/miner.h"

namespace narabi::mine {

enum class Kind { kIct, kCloze, kClause, kTitle };

// Throws InvalidArgument for another word than ict, cloze, clause, title.
Kind kind_of(const std::string& word);

// Whole sentences, split after 。！？ outside of brackets 「」『』（）.
std::vector<std::string> split_sentences(const std::string& text);

// Nothing when the passage does not offer one (too short, no span, no title).
std::optional<Question> synthesize(const Corpus& corpus, std::size_t passage, Kind kind,
                                   std::mt19937_64& random);

}  // namespace narabi::mine
