#include "mine/question_set.h"

#include <string>
#include <utility>

#include "base/utf8.h"
#include "mine/synthesize.h"

namespace narabi::mine {
namespace {

struct Part {
  std::string text;
  std::size_t end;  // in code points of the paragraph
};

std::vector<Part> cut(const std::string& text, std::size_t max_length) {
  const std::size_t total = base::to_utf32(text).size();
  if (max_length == 0 || total <= max_length) return {{text, total}};
  const std::size_t count = (total + max_length - 1) / max_length;
  const std::size_t aim = (total + count - 1) / count;
  std::vector<Part> parts;
  std::string part;
  std::size_t length = 0, position = 0;
  const auto close = [&] {
    const std::size_t begin = part.find_first_not_of('\n');
    if (begin != std::string::npos)
      parts.push_back({part.substr(begin, part.find_last_not_of('\n') + 1 - begin), position});
    part.clear();
    length = 0;
  };
  for (const std::string& sentence : split_sentences(text)) {
    const std::size_t more = base::to_utf32(sentence).size();
    if (length > 0 && length + more > max_length) close();
    part += sentence;
    length += more;
    position += more;
    if (length >= aim) close();
  }
  if (length > 0) close();
  return parts;
}

}  // namespace

QuestionSet from_squad(const data::SquadSplit& split, const PassageForm& form) {
  QuestionSet set;
  std::vector<std::vector<std::pair<std::size_t, std::size_t>>> passages;  // end, position
  for (const data::SquadParagraph& paragraph : split.paragraphs) {
    auto& of_paragraph = passages.emplace_back();
    for (Part& part : cut(paragraph.text, form.max_length)) {
      const std::size_t position = set.corpus.passages.size();
      of_paragraph.emplace_back(part.end, position);
      set.corpus.add(
          {std::to_string(position), form.titles ? paragraph.title : "", std::move(part.text)},
          paragraph.article);
    }
  }
  for (const data::SquadQuestion& question : split.questions) {
    const auto& parts = passages[question.paragraph];
    std::size_t part = 0;
    while (part + 1 < parts.size() && parts[part].first <= question.answer_begin) ++part;
    set.questions.push_back(
        {question.id, question.text, {parts[part].second}, question.answers, {}});
  }
  return set;
}

}  // namespace narabi::mine
