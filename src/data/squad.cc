#include "data/squad.h"

#include <nlohmann/json.hpp>

#include "base/json_depth.h"
#include "base/line_reader.h"
#include "narabi/error.h"

namespace narabi::data {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxSquadDepth = 64;
constexpr std::string_view kTitleMark = " [SEP] ";

const json& member(const json& object, const char* key, const std::string& where) {
  if (!object.is_object() || !object.contains(key)) {
    throw InvalidFormat(where + ": expected the key " + key + " (SQuAD json)");
  }
  return object[key];
}

const json& array(const json& object, const char* key, const std::string& where) {
  const json& value = member(object, key, where);
  if (!value.is_array()) throw InvalidFormat(where + ": " + key + ": expected an array");
  return value;
}

std::string text(const json& object, const char* key, const std::string& where) {
  const json& value = member(object, key, where);
  if (!value.is_string()) throw InvalidFormat(where + ": " + key + ": expected a string");
  return value.get<std::string>();
}

// Whether the context began with a title.
bool remove_title_mark(std::string& context) {
  const std::size_t mark = context.find(kTitleMark);
  if (mark == std::string::npos) return false;
  context.replace(mark, kTitleMark.size(), " ");
  return true;
}

std::vector<std::string> answer_texts(const json& question, const std::string& where) {
  std::vector<std::string> texts;
  if (!question.contains("answers")) return texts;
  for (const json& answer : array(question, "answers", where))
    texts.push_back(text(answer, "text", where));
  return texts;
}

// The position in the context as the file has it, 0 where it does not say.
std::size_t first_answer_begin(const json& question, const std::string& where) {
  if (!question.contains("answers") || question["answers"].empty()) return 0;
  const json& answer = question["answers"][0];
  if (!answer.contains("answer_start")) return 0;
  if (!answer["answer_start"].is_number_unsigned())
    throw InvalidFormat(where + ": answer_start: expected a position");
  return answer["answer_start"].get<std::size_t>();
}

void read_article(const json& article, std::size_t number, const std::string& path,
                  SquadSplit& split) {
  const std::string where = path + ": data[" + std::to_string(number) + "]";
  const std::string title = article.contains("title") ? text(article, "title", where) : "";
  for (const json& paragraph : array(article, "paragraphs", where)) {
    const std::size_t index = split.paragraphs.size();
    std::string context = text(paragraph, "context", where);
    const bool titled = remove_title_mark(context);
    const std::size_t removed = titled ? kTitleMark.size() - 1 : 0;
    split.paragraphs.push_back({number, titled ? "" : title, std::move(context)});
    for (const json& question : array(paragraph, "qas", where)) {
      // SQuAD 2: no paragraph answers it, this one least of all.
      if (question.is_object() && question.value("is_impossible", json()) == true) continue;
      const std::size_t begin = first_answer_begin(question, where);
      split.questions.push_back({text(question, "id", where), text(question, "question", where),
                                 index, answer_texts(question, where),
                                 begin > removed ? begin - removed : begin});
    }
  }
}

}  // namespace

SquadSplit read_squad(const std::string& path) {
  const std::string content = base::read_file(path);
  base::check_json_depth(content, kMaxSquadDepth, path);
  json root;
  try {
    root = json::parse(content);
  } catch (const json::exception& error) {
    throw InvalidFormat(path + ": expected JSON: " + error.what());
  }
  SquadSplit split;
  std::size_t number = 0;
  for (const json& article : array(root, "data", path))
    read_article(article, number++, path, split);
  if (split.questions.empty()) throw InvalidFormat(path + ": expected questions, found none");
  return split;
}

SquadSplit take_articles(SquadSplit split, std::size_t begin, std::size_t count) {
  const std::size_t end = count == 0 ? SIZE_MAX : begin + count;
  SquadSplit kept;
  std::vector<std::size_t> position(split.paragraphs.size(), SIZE_MAX);
  for (std::size_t i = 0; i < split.paragraphs.size(); ++i) {
    const std::size_t article = split.paragraphs[i].article;
    if (article < begin || article >= end) continue;
    position[i] = kept.paragraphs.size();
    kept.paragraphs.push_back(std::move(split.paragraphs[i]));
  }
  for (SquadQuestion& question : split.questions) {
    if (position[question.paragraph] == SIZE_MAX) continue;
    question.paragraph = position[question.paragraph];
    kept.questions.push_back(std::move(question));
  }
  return kept;
}

}  // namespace narabi::data
