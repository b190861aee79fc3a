#include "data/groups.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <limits>

#include "narabi/error.h"

namespace narabi::data {
namespace {

// Removed when the test is over.
class GroupsOnDisk {
 public:
  explicit GroupsOnDisk(const std::string& text) { std::ofstream(path_, std::ios::binary) << text; }
  ~GroupsOnDisk() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = testing::TempDir() + "narabi-groups-test.jsonl";
};

Group only(const std::string& text) {
  const GroupsOnDisk file(text);
  const GroupFile groups(file.path());
  EXPECT_EQ(groups.size(), 1u);
  return groups.read(0);
}

std::string error_of(const std::string& text) {
  const GroupsOnDisk file(text);
  try {
    GroupFile groups(file.path());
  } catch (const InvalidFormat& error) {
    return error.what();
  }
  return "no error";
}

TEST(Groups, may_begin_with_a_byte_order_mark) {
  const Group group = only("\xEF\xBB\xBF{\"query\": \"q\", \"pos\": [\"a\"], \"neg\": [\"b\"]}\n");
  EXPECT_EQ(group.query, "q");
}

TEST(GroupFile, FlagEmbeddingLinesKeepPositivesFirstAndTheirTeachersScores) {
  const Group group =
      only(R"({"query":"q","pos":["a"],"neg":["b","c"],"pos_scores":[2.5],"neg_scores":[-1,0]})");
  EXPECT_EQ(group.passages, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(group.labels, (std::vector<float>{1, 0, 0}));
  EXPECT_EQ(group.teacher, (std::vector<float>{2.5f, -1, 0}));
}

TEST(GroupFile, LabelledListsTuplesAndTriplesBecomeTheSameGroup) {
  const std::vector<std::string> passages = {"a", "b"};
  EXPECT_EQ(only(R"({"query":"q","docs":["a","b"],"labels":[2,0]})").labels,
            (std::vector<float>{2, 0}));
  EXPECT_EQ(only(R"({"anchor":"q","positive":"a","negative":"b"})").passages, passages);
  EXPECT_EQ(only("q\ta\tb\n").passages, passages);
}

TEST(GroupFile, LabelledPairsInARowWithOneQueryAreOneGroup) {
  const GroupsOnDisk file(
      "{\"query\":\"q\",\"passage\":\"a\",\"label\":0}\n{\"query\":\"q\",\"passage\":\"b\","
      "\"label\":1}\n"
      "{\"query\":\"r\",\"passage\":\"c\",\"label\":1}\n{\"query\":\"r\",\"passage\":\"d\","
      "\"label\":0}\n");
  const GroupFile groups(file.path());
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups.read(1).query, "r");
  EXPECT_EQ(groups.read(0).labels, (std::vector<float>{0, 1}));
  EXPECT_EQ(groups.where(1), file.path() + ":3");
}

TEST(GroupFile, WhatIsWrittenIsReadBack) {
  const Group group{"問い", {"正", "誤"}, {1, 0}, {0.25f, -3}};
  const Group back = only(to_json_line(group));
  EXPECT_EQ(back.query, group.query);
  EXPECT_EQ(back.passages, group.passages);
  EXPECT_EQ(back.teacher, group.teacher);
}

TEST(GroupFile, AByteOrderMarkIsNoPartOfTheFirstLine) {
  EXPECT_EQ(only("\xEF\xBB\xBF{\"query\":\"q\",\"pos\":[\"a\"],\"neg\":[\"b\"]}").query, "q");
}

TEST(GroupFile, NamesTheLineWhoseLabelIsOutOfRange) {
  const auto message_of = [](double low, double high) {
    const GroupsOnDisk file(
        "{\"query\":\"q\",\"docs\":[\"a\",\"b\"],\"labels\":[1,0]}\n"
        "{\"query\":\"q\",\"docs\":[\"a\",\"b\"],\"labels\":[2.5,-1]}\n");
    try {
      GroupFile(file.path()).require_labels(low, high, "the loss x");
    } catch (const InvalidFormat& error) {
      return std::string(error.what()).substr(file.path().size());
    }
    return std::string();
  };
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(message_of(-1, 2.5), "");
  EXPECT_EQ(message_of(-infinity, infinity), "");
  EXPECT_EQ(message_of(-1, 1), ":2: labels: expected -1 to 1 for the loss x, found 2.5");
  EXPECT_EQ(message_of(0, infinity), ":2: labels: expected 0 or more for the loss x, found -1");
}

TEST(GroupFile, SaysWhichLineIsWrongAndHow) {
  const std::string good = R"({"query":"q","pos":["a"],"neg":["b"]})";
  EXPECT_NE(error_of(good + "\n\n" + R"({"query":"q","pos":["a"],"neg":[]})").find(":3: \"neg\""),
            std::string::npos);
  EXPECT_NE(error_of(R"({"query":"q","docs":["a","b"],"labels":[1,1]})").find("all labels are 1"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"query":"q","docs":["a","b"],"labels":[1e999,1]})").find(":1: "),
            std::string::npos);
  EXPECT_NE(error_of("q\ta\n").find("expected 3 columns"), std::string::npos);
  EXPECT_NE(error_of("q\ta\tb\nq\t\xff\tb\n").find(":2: invalid UTF-8 at byte 2 of the line"),
            std::string::npos);
  EXPECT_NE(error_of("q\t\tb\n").find(":1: passage 1 of 2 is relevant: expected text, found none"),
            std::string::npos);
  EXPECT_NE(error_of("{\"query\":\"\xff\"}").find("invalid UTF-8"), std::string::npos);
  EXPECT_NE(error_of("\n").find("found none"), std::string::npos);
}

}  // namespace
}  // namespace narabi::data
