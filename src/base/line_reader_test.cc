#include "base/line_reader.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/atomic_file.h"
#include "narabi/error.h"

namespace narabi::base {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "narabi-test-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& content) {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << content;
    return folder_ + "/" + name;
  }
  std::string folder_;
};

std::vector<std::string> read(const std::string& path, InvalidUtf8 invalid = InvalidUtf8::kReject) {
  LineReader reader(path, invalid);
  std::vector<std::string> lines;
  for (std::string line; reader.next(line);) lines.push_back(line);
  return lines;
}

TEST_F(Files, are_read_by_lines_without_carriage_returns_and_byte_order_mark) {
  EXPECT_THAT(read(write("a",
                         "\xEF\xBB\xBF"
                         "x\r\n\ny")),
              ElementsAre("x", "", "y"));
  EXPECT_THAT(read(write("b", "")), ElementsAre());
  const std::string longer(300000, 'z');
  EXPECT_THAT(read(write("c", longer + "\n" + longer)), ElementsAre(longer, longer));
}

TEST_F(Files, of_several_gzip_members_are_read_to_the_end) {
  const std::string path = folder_ + "/x.gz";
  for (const char* text : {"one\n", "two\n"}) {
    gzFile file = gzopen(path.c_str(), "ab");
    gzputs(file, text);
    gzclose(file);
  }
  EXPECT_THAT(read(path), ElementsAre("one", "two"));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 3);
  EXPECT_THROW(read(path), IoError);
}

TEST_F(Files, of_broken_compression_are_refused_by_name) {
  for (const char* name : {"x.gz", "x.xz", "x.zst"}) {
    try {
      read(write(name, "this is not compressed"));
      FAIL() << name;
    } catch (const IoError& error) {
      EXPECT_THAT(error.what(), HasSubstr(name));
    }
  }
}

TEST_F(Files, give_a_line_that_is_put_back_again_with_its_number) {
  LineReader reader(write("a", "one\ntwo\n"));
  std::string line;
  ASSERT_TRUE(reader.next(line));
  reader.put_back(line);
  line.clear();
  ASSERT_TRUE(reader.next(line));
  EXPECT_EQ(line, "one");
  EXPECT_EQ(reader.line_number(), 1);
  ASSERT_TRUE(reader.next(line));
  EXPECT_EQ(line, "two");
  EXPECT_EQ(reader.line_number(), 2);
}

TEST_F(Files, with_invalid_utf8_are_refused_with_line_and_byte_or_mended) {
  const std::string path = write("a", "good\nab\xFFz\n");
  try {
    read(path);
    FAIL();
  } catch (const InvalidFormat& error) {
    EXPECT_THAT(error.what(), HasSubstr(path + ":2: invalid UTF-8 at byte 2 of the line"));
  }
  EXPECT_THAT(read(path, InvalidUtf8::kReplace), ElementsAre("good", "ab\uFFFDz"));
}

TEST_F(Files, appear_whole_or_not_at_all) {
  const std::string path = write("x", "old");
  {
    AtomicFile file(path);
    file.write("new");
  }
  EXPECT_EQ(read_file(path), "old");
  {
    AtomicFile file(path);
    file.write("new text");
    file.write_at(0, "NEW");
    file.commit();
  }
  EXPECT_EQ(read_file(path), "NEW text");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
  EXPECT_THROW(AtomicFile("/nowhere/x"), IoError);
}

TEST_F(Files, appear_where_a_symbolic_link_leads) {
  const std::string there = write("there", "old"), link = folder_ + "/link";
  const std::string dangling = folder_ + "/dangling";
  std::filesystem::create_symlink("there", link);
  std::filesystem::create_symlink(folder_ + "/new", dangling);
  for (const std::string& path : {link, dangling}) {
    AtomicFile file(path);
    file.write("text");
    file.commit();
    EXPECT_TRUE(std::filesystem::is_symlink(path));
    EXPECT_EQ(read_file(path), "text");
  }
  EXPECT_EQ(read_file(there), "text");
}

TEST_F(Files, that_are_no_regular_ones_are_written_directly) {
  const std::string path = folder_ + "/fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  {
    AtomicFile file(path);
    file.write("text");
    file.commit();
  }
  char text[8];
  EXPECT_EQ(::read(reader, text, sizeof text), 4);
  ::close(reader);
  EXPECT_TRUE(std::filesystem::is_fifo(path));
}

}  // namespace
}  // namespace narabi::base
