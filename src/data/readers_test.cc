#include "data/readers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "data/squad.h"
#include "narabi/error.h"

namespace narabi::data {
namespace {

using testing::HasSubstr;

class Readers : public testing::Test {
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

TEST_F(Readers, tell_plain_passages_from_json_lines) {
  EXPECT_EQ(read_passages(write("\none\n\ntwo\n")).size(), 2u);
  const auto passages = read_passages(write("{\"_id\":7,\"title\":\"t\",\"text\":\"x\"}\n"));
  EXPECT_EQ(passages[0].id, "7");
  EXPECT_EQ(model_text(passages[0].title, passages[0].text), "t x");
}

TEST_F(Readers, read_queries_as_tsv_or_json_lines) {
  EXPECT_EQ(read_queries(write("q1\ta\tb\n"))[0].text, "a\tb");
  EXPECT_EQ(read_queries(write("{\"id\":\"q1\",\"text\":\"a\"}\n"))[0].id, "q1");
  EXPECT_THAT(message_of([&] { read_queries(write("no tab\n")); }),
              HasSubstr(":1: expected id<TAB>text, found no tab"));
  EXPECT_THAT(message_of([&] { read_queries(write("a\tx\na\ty\n")); }),
              HasSubstr(":2: the id a stands at"));
  EXPECT_THAT(message_of([&] { read_queries(write("")); }),
              HasSubstr("expected queries, found none"));
}

TEST_F(Readers, want_an_id_for_every_document_and_only_once_over_all_files) {
  const std::string a = write("{\"id\":\"1\",\"text\":\"x\"}\n"),
                    b = write("{\"id\":\"1\",\"text\":\"y\"}\n");
  EXPECT_EQ(read_corpus({a}).size(), 1u);
  EXPECT_THAT(message_of([&] {
                read_corpus({a, b});
              }),
              HasSubstr(b + ":1: the id 1 stands at " + a + ":1, too"));
  EXPECT_THAT(message_of([&] { read_corpus({write("{\"text\":\"x\"}\n")}); }),
              HasSubstr("expected the key \"id\""));
}

TEST_F(Readers, read_squad_with_gold_paragraphs) {
  const SquadSplit split = read_squad(write(
      R"({"data":[{"paragraphs":[{"context":"題 [SEP] 文","qas":[{"id":"1","question":"何？"}]},{"context":"二","qas":[]}]}]})"));
  EXPECT_EQ(split.paragraphs[0].text, "題 文");
  EXPECT_EQ(split.questions[0].paragraph, 0u);
  EXPECT_THAT(message_of([&] { read_squad(write("{}")); }),
              HasSubstr("expected the key data (SQuAD json)"));
  EXPECT_THAT(message_of([&] { read_squad(write("{\"data\":[{\"paragraphs\":5}]}")); }),
              HasSubstr("data[0]: paragraphs: expected an array"));
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
