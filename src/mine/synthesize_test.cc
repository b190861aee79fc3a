#include "mine/synthesize.h"

#include <gtest/gtest.h>

namespace narabi::mine {
namespace {

Corpus corpus_of(const std::string& text) {
  Corpus corpus;
  corpus.add({"d1", "題名", text}, "題名");
  return corpus;
}

const std::string kFirst = "延暦13年に桓武天皇は平安京に都を遷した。",
                  kSecond = "銀閣寺は東山に足利義政が建てた寺院である。";

TEST(SplitSentences, EndsAtStopsOutsideOfBrackets) {
  EXPECT_EQ(split_sentences("甲。乙「丙。丁」戊。己"),
            (std::vector<std::string>{"甲。", "乙「丙。丁」戊。", "己"}));
}

TEST(Synthesize, AnInverseClozeTakesItsSentenceOutOfThePassageMostOfTheTime) {
  const Corpus corpus = corpus_of(kFirst + kSecond);
  std::mt19937_64 random(3);
  int kept = 0;
  for (int i = 0; i < 200; ++i) {
    const auto question = synthesize(corpus, 0, Kind::kIct, random);
    ASSERT_TRUE(question);
    EXPECT_TRUE(question->text == kFirst || question->text == kSecond);
    kept += question->positive_text.find(question->text) != std::string::npos;
  }
  EXPECT_GT(kept, 5);
  EXPECT_LT(kept, 45);
}

TEST(Synthesize, AClozeAsksForASpanThatThePassageHolds) {
  const Corpus corpus = corpus_of(kFirst + kSecond);
  std::mt19937_64 random(4);
  for (int i = 0; i < 50; ++i) {
    const auto question = synthesize(corpus, 0, Kind::kCloze, random);
    ASSERT_TRUE(question);
    ASSERT_EQ(question->answers.size(), 1u);
    EXPECT_NE(corpus.passages[0].text.find(question->answers[0]), std::string::npos);
    EXPECT_TRUE(question->text.ends_with("か。")) << question->text;
    EXPECT_EQ(question->positives, (std::vector<std::size_t>{0}));
  }
}

TEST(Synthesize, AClauseAsksWithAPartOfASentence) {
  const Corpus corpus =
      corpus_of("銀閣寺は京都の東山にあり、室町時代の将軍足利義政が建てた寺院である。");
  std::mt19937_64 random(6);
  bool first = false, second = false;
  for (int i = 0; i < 50; ++i) {
    const auto question = synthesize(corpus, 0, Kind::kClause, random);
    ASSERT_TRUE(question);
    EXPECT_EQ(question->text.find("、"), std::string::npos) << question->text;
    first |= question->text.ends_with("ありか。");
    second |= question->text.ends_with("であるか。");
  }
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(synthesize(corpus_of("あ、い、う、え、お、か、き、く。"), 0, Kind::kClause, random));
}

TEST(Synthesize, ATitleAsksForTheTextWithoutIt) {
  std::mt19937_64 random(5);
  const auto question = synthesize(corpus_of(kFirst), 0, Kind::kTitle, random);
  ASSERT_TRUE(question);
  EXPECT_EQ(question->text, "題名");
  EXPECT_EQ(question->positive_text, kFirst);
  EXPECT_FALSE(synthesize(corpus_of("短い。"), 0, Kind::kTitle, random));
  EXPECT_FALSE(synthesize(corpus_of("短い。"), 0, Kind::kCloze, random));
}

}  // namespace
}  // namespace narabi::mine
