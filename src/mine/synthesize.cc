#include "mine/synthesize.h"

#include <algorithm>

#include "base/utf8.h"
#include "narabi/error.h"

namespace narabi::mine {
namespace {

constexpr std::size_t kMinSentence = 10, kMaxSentence = 120;  // code points
constexpr double kKeepSentence = 0.1;

enum class Script { kKanji, kKatakana, kDigit, kLatin, kOther };

Script script_of(char32_t c) {
  if ((c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || c == U'々')
    return Script::kKanji;
  if ((c >= 0x30A1 && c <= 0x30FA) || c == U'ー') return Script::kKatakana;
  if ((c >= U'0' && c <= U'9') || (c >= U'０' && c <= U'９')) return Script::kDigit;
  if ((c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z')) return Script::kLatin;
  return Script::kOther;
}

struct Span {
  std::size_t begin, end;  // code points
};

// Runs of one script, digits together with the counter that follows them (1994年, 3人).
std::vector<Span> find_spans(const std::u32string& sentence) {
  std::vector<Span> spans;
  for (std::size_t i = 0; i < sentence.size();) {
    const Script script = script_of(sentence[i]);
    std::size_t end = i + 1;
    while (end < sentence.size() && script_of(sentence[end]) == script) ++end;
    if (script == Script::kDigit && end < sentence.size() &&
        script_of(sentence[end]) == Script::kKanji)
      ++end;
    const std::size_t shortest = script == Script::kDigit ? 1 : 2;
    if (script != Script::kOther && end - i >= shortest) spans.push_back({i, end});
    i = end;
  }
  return spans;
}

// The question word that a reader would ask for the span with.
std::u32string question_word(const std::u32string& span) {
  constexpr std::u32string_view kTimes = U"年月日時紀代",
                                kPlaces = U"県市区町村国寺社宮山川島駅城院堂",
                                kPeople = U"王帝郎子氏公卿将皇";
  const char32_t last = span.back();
  if (script_of(span[0]) == Script::kDigit)
    return kTimes.find(last) != kTimes.npos ? U"いつ" : U"いくつ";
  if (kPlaces.find(last) != kPlaces.npos) return U"どこ";
  if (kPeople.find(last) != kPeople.npos) return U"誰";
  return U"何";
}

template <class Items>
const auto& one_of(const Items& items, std::mt19937_64& random) {
  return items[std::uniform_int_distribution<std::size_t>(0, items.size() - 1)(random)];
}

// Sentences that say enough to be found again.
std::vector<std::string> telling_sentences(const std::string& text) {
  std::vector<std::string> telling;
  for (std::string& sentence : split_sentences(text)) {
    const std::size_t length = base::to_utf32(sentence).size();
    if (length >= kMinSentence && length <= kMaxSentence) telling.push_back(std::move(sentence));
  }
  return telling;
}

std::optional<Question> make_ict(const Corpus& corpus, std::size_t passage,
                                 std::mt19937_64& random) {
  std::string text = corpus.text(passage);
  const std::vector<std::string> sentences = telling_sentences(corpus.passages[passage].text);
  if (sentences.size() < 2) return std::nullopt;
  Question question{.text = one_of(sentences, random), .positives = {passage}};
  if (std::uniform_real_distribution<double>()(random) >= kKeepSentence) {
    const std::size_t at = text.find(question.text);
    if (at != std::string::npos) text.erase(at, question.text.size());
  }
  question.positive_text = std::move(text);
  return question;
}

// Part of a sentence: one of the stretches between commas that are long enough to be found again.
std::u32string one_clause(const std::u32string& sentence, std::mt19937_64& random) {
  std::vector<std::u32string> clauses;
  for (std::size_t begin = 0; begin < sentence.size();) {
    const std::size_t end = std::min(sentence.find(U'、', begin), sentence.size());
    if (end - begin >= kMinSentence) clauses.push_back(sentence.substr(begin, end - begin));
    begin = end + 1;
  }
  return clauses.empty() ? std::u32string() : one_of(clauses, random);
}

std::optional<Question> make_cloze(const Corpus& corpus, std::size_t passage, Kind kind,
                                   std::mt19937_64& random) {
  const std::vector<std::string> sentences = telling_sentences(corpus.passages[passage].text);
  if (sentences.empty()) return std::nullopt;
  std::u32string sentence = base::to_utf32(one_of(sentences, random));
  if (kind == Kind::kClause) sentence = one_clause(sentence, random);
  const std::vector<Span> spans = find_spans(sentence);
  if (spans.size() < 3) return std::nullopt;  // a question needs more than its gap
  const Span span = one_of(spans, random);
  const std::u32string answer = sentence.substr(span.begin, span.end - span.begin);
  sentence.replace(span.begin, span.end - span.begin, question_word(answer));
  while (!sentence.empty() && (sentence.back() == U'。' || sentence.back() == U'、'))
    sentence.pop_back();
  return Question{.text = base::to_utf8(sentence + U"か。"),
                  .positives = {passage},
                  .answers = {base::to_utf8(answer)}};
}

// The title leaves the passage's own text, or matching would be all there is to learn.
std::optional<Question> make_title(const Corpus& corpus, std::size_t passage) {
  const Document& document = corpus.passages[passage];
  if (document.title.empty() || base::to_utf32(document.text).size() < kMinSentence)
    return std::nullopt;
  return Question{.text = document.title, .positives = {passage}, .positive_text = document.text};
}

}  // namespace

Kind kind_of(const std::string& word) {
  if (word == "ict") return Kind::kIct;
  if (word == "cloze") return Kind::kCloze;
  if (word == "clause") return Kind::kClause;
  if (word == "title") return Kind::kTitle;
  throw InvalidArgument("expected ict, cloze, clause or title, found " + word);
}

std::vector<std::string> split_sentences(const std::string& text) {
  std::vector<std::string> sentences;
  int depth = 0;  // of brackets: a sentence does not end inside of them
  std::size_t begin = 0;
  for (std::size_t offset = 0; offset < text.size();) {
    const char32_t c = base::next_code_point(text, offset);
    if (c == U'「' || c == U'『' || c == U'（' || c == U'(') ++depth;
    if (c == U'」' || c == U'』' || c == U'）' || c == U')') depth = std::max(0, depth - 1);
    const bool end = c == U'\n' || (depth == 0 && (c == U'。' || c == U'！' || c == U'？'));
    if (!end) continue;
    if (offset > begin) sentences.push_back(text.substr(begin, offset - begin));
    begin = offset;
    depth = c == U'\n' ? 0 : depth;
  }
  if (begin < text.size()) sentences.push_back(text.substr(begin));
  return sentences;
}

std::optional<Question> synthesize(const Corpus& corpus, std::size_t passage, Kind kind,
                                   std::mt19937_64& random) {
  switch (kind) {
    case Kind::kIct:
      return make_ict(corpus, passage, random);
    case Kind::kCloze:
    case Kind::kClause:
      return make_cloze(corpus, passage, kind, random);
    case Kind::kTitle:
      return make_title(corpus, passage);
  }
  return std::nullopt;
}

}  // namespace narabi::mine
