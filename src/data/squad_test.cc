#include "data/squad.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "narabi/error.h"

namespace narabi::data {
namespace {

using testing::HasSubstr;

class Squad : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "narabi-test-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& content) {
    const std::string path = folder_ + "/f" + std::to_string(++count_);
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  std::string folder_;
  int count_ = 0;
};

template <typename Body>
std::string message_of(Body body) {
  try {
    body();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST_F(Squad, gives_gold_paragraphs) {
  const SquadSplit split = read_squad(write(
      R"({"data":[{"paragraphs":[{"context":"題 [SEP] 文","qas":[{"id":"1","question":"何？"}]},{"context":"二","qas":[]}]}]})"));
  EXPECT_EQ(split.paragraphs[0].text, "題 文");
  EXPECT_EQ(split.questions[0].paragraph, 0u);
  EXPECT_THAT(message_of([&] { read_squad(write("{}")); }),
              HasSubstr("expected the key data (SQuAD json)"));
  EXPECT_THAT(message_of([&] { read_squad(write("{\"data\":[{\"paragraphs\":5}]}")); }),
              HasSubstr("data[0]: paragraphs: expected an array"));
}

TEST_F(Squad, leaves_out_what_no_paragraph_answers) {
  const SquadSplit split = read_squad(write(
      R"({"data":[{"paragraphs":[{"context":"文","qas":[{"id":"1","question":"何？","is_impossible":true},{"id":"2","question":"誰？","is_impossible":false}]}]}]})"));
  ASSERT_EQ(split.questions.size(), 1u);
  EXPECT_EQ(split.questions[0].id, "2");
}

TEST_F(Squad, says_where_the_first_answer_begins_in_the_text_it_gives) {
  const SquadSplit split = read_squad(write(
      R"({"data":[{"title":"題","paragraphs":[)"
      R"({"context":"題 [SEP] 文だ","qas":[{"id":"1","question":"何？","answers":[{"text":"だ","answer_start":9}]}]},)"
      R"({"context":"文だ","qas":[{"id":"2","question":"何？","answers":[{"text":"だ","answer_start":1}]}]}]}]})"));
  EXPECT_EQ(split.questions[0].answer_begin, 3u);  // of "題 文だ"
  EXPECT_EQ(split.questions[1].answer_begin, 1u);
  EXPECT_EQ(split.paragraphs[0].title, "");  // it stands in the text already
  EXPECT_EQ(split.paragraphs[1].title, "題");
}

TEST(ShippedSplits, hold_what_their_sources_say) {
  const SquadSplit jsquad = read_squad(NARABI_SOURCE_DIR "/data/jsquad/jsquad-valid-v1.3.json.xz");
  EXPECT_EQ(jsquad.questions.size(), 4442u);
  EXPECT_EQ(jsquad.paragraphs.size(), 1145u);
  const SquadSplit jaquad = read_squad(NARABI_SOURCE_DIR "/data/jaquad/jaquad-dev.json.xz");
  EXPECT_EQ(jaquad.questions.size(), 3939u);
  EXPECT_EQ(jaquad.paragraphs.size(), 1431u);
}

}  // namespace
}  // namespace narabi::data
