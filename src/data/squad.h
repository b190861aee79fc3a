// SQuAD json: JSQuAD and JaQuAD.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace narabi::data {

struct SquadQuestion {
  std::string id;
  std::string text;
  std::size_t paragraph = 0;         // the one that answers it
  std::vector<std::string> answers;  // their texts; empty where the file has none
  std::size_t answer_begin = 0;      // of the first answer, in code points of the paragraph's text
};

struct SquadParagraph {
  std::size_t article = 0;
  std::string title;  // of the article; empty where the file has none or has it in the text
  std::string
      text;  // with the title in front where the file has it there (JSQuAD: "title [SEP] text")
};

struct SquadSplit {
  std::vector<SquadParagraph> paragraphs;
  std::vector<SquadQuestion> questions;
};

// Articles [begin, begin + count) of a split, paragraphs renumbered; count 0: to the end.
SquadSplit take_articles(SquadSplit split, std::size_t begin, std::size_t count = 0);

// Paragraphs in the order of the file. " [SEP] " after JSQuAD's titles becomes a space, as the
// evaluations of the models do. Throws IoError, InvalidFormat.
SquadSplit read_squad(const std::string& path);

}  // namespace narabi::data
