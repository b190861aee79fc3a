#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "base/utf8.h"
#include "data/json_lines.h"
#include "data/readers.h"
#include "narabi/error.h"

namespace narabi::data {
namespace {

using testing::HasSubstr;

// A file that goes away with the test.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) {
    static int count = 0;
    path_ = testing::TempDir() + "narabi-readers-" + std::to_string(::getpid()) + "-" +
            std::to_string(++count);
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::vector<std::string> texts_in(const std::string& content) {
  const TemporaryFile file(content);
  JsonLines lines(file.path());
  std::vector<std::string> texts;
  while (lines.next()) texts.push_back(lines.text("text"));
  return texts;
}

// What reading "text" from every line says, or "no error".
template <typename Read>
std::string error_of(const std::string& content, const Read& read) {
  const TemporaryFile file(content);
  try {
    read(file.path());
  } catch (const InvalidFormat& error) {
    return error.what();
  }
  return "no error";
}

std::string error_of_lines(const std::string& content) {
  return error_of(content, [](const std::string& path) {
    JsonLines lines(path);
    while (lines.next()) lines.text("text");
  });
}

TEST(JsonLines, are_read_in_order_and_blank_lines_are_skipped) {
  EXPECT_EQ(texts_in("{\"text\": \"京都\"}\n\n \n{\"more\": [1], \"text\": \"\"}"),
            (std::vector<std::string>{"京都", ""}));
}

TEST(JsonLines, a_bad_line_is_named_with_what_was_expected) {
  const std::string good = "{\"text\": \"a\"}\n";
  EXPECT_THAT(error_of_lines(good + "{\"txt\": \"a\"}\n"),
              HasSubstr(":2: expected the key \"text\""));
  EXPECT_THAT(error_of_lines(good + "{\"text\": 3}\n"),
              HasSubstr(":2: \"text\": expected a string, found 3"));
  EXPECT_THAT(error_of_lines(good + "text\n"), HasSubstr(":2: expected a JSON object, found text"));
  EXPECT_THAT(error_of_lines(good + "[1, 2]\n"),
              HasSubstr(":2: expected a JSON object, found [1,2]"));
  EXPECT_THAT(error_of_lines(std::string(100000, '[') + "\n"), HasSubstr("nested deeper than"));
}

TEST(JsonLines, a_message_never_cuts_a_character_in_two) {
  for (int padding = 0; padding < 3; ++padding) {
    std::string long_line(static_cast<std::size_t>(padding), 'x');
    for (int i = 0; i < 100; ++i) long_line += "京";
    EXPECT_FALSE(base::invalid_utf8_at(error_of_lines(long_line + "\n")));
    EXPECT_FALSE(base::invalid_utf8_at(error_of_lines("[\"" + long_line + "\"]\n")));
  }
}

TEST(Passages, are_plain_lines_or_json_by_the_first_character) {
  const TemporaryFile plain("金閣寺\n銀閣寺 は { 東山\n");
  const auto lines = read_passages(plain.path());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1].text, "銀閣寺 は { 東山");
  EXPECT_FALSE(lines[1].id);

  const TemporaryFile json(
      "{\"id\": 7, \"title\": \"金閣\", \"text\": \"寺\"}\n{\"text\": \"x\"}\n");
  const auto objects = read_passages(json.path());
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_EQ(objects[0].id, "7");
  EXPECT_EQ(model_text(objects[0].title, objects[0].text), "金閣 寺");
  EXPECT_EQ(model_text(objects[1].title, objects[1].text), "x");
  EXPECT_THAT(error_of("\n{\"text\": \"x\"}\nx\n", [](const auto& path) { read_passages(path); }),
              HasSubstr(":3: expected a JSON object, found x"));
}

TEST(Corpus, an_id_that_stands_twice_names_both_lines) {
  const auto read = [](const std::string& path) { read_corpus({path}); };
  const std::string twice =
      error_of("{\"_id\": \"d\", \"text\": \"a\"}\n{\"id\": \"d\", \"text\": \"b\"}\n", read);
  EXPECT_THAT(twice, HasSubstr(":2: the id d stands at "));
  EXPECT_THAT(twice, HasSubstr(":1, too"));
  EXPECT_THAT(error_of("{\"text\": \"a\"}\n", read), HasSubstr(":1: expected the key \"id\""));
  EXPECT_THAT(error_of("", read), HasSubstr("expected documents, found none"));
}

TEST(Queries, are_tsv_or_json_lines) {
  const TemporaryFile tsv("q1\t銀閣寺を\t建てた\nq2\t誰\n");
  const auto from_tsv = read_queries(tsv.path());
  ASSERT_EQ(from_tsv.size(), 2u);
  EXPECT_EQ(from_tsv[0].text, "銀閣寺を\t建てた");
  const TemporaryFile json("{\"id\": \"q1\", \"text\": \"誰\"}\n");
  EXPECT_EQ(read_queries(json.path())[0].id, "q1");
}

TEST(Queries, without_a_tab_or_twice_or_none_are_errors) {
  const auto read = [](const std::string& path) { read_queries(path); };
  EXPECT_THAT(error_of("q1\ta\nq2 b\n", read), HasSubstr(":2: expected id<TAB>text, found q2 b"));
  EXPECT_THAT(error_of("q1\ta\nq1\tb\n", read), HasSubstr(":2: the id q1 stands at"));
  EXPECT_THAT(error_of("", read), HasSubstr("expected queries, found none"));
}

}  // namespace
}  // namespace narabi::data
