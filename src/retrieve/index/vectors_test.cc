#include "retrieve/index/vectors.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "retrieve/index/folder.h"

namespace narabi::retrieve {
namespace {

class Vectors : public ::testing::Test {
 protected:
  Vectors()
      : folder_((std::filesystem::temp_directory_path() /
                 ("narabi-vectors-" + std::to_string(::getpid())))
                    .string()) {
    make_index_folder(folder_);
    store_.emplace(folder_, Database::Access::kWrite);
  }
  ~Vectors() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Of one dimension: a document's vector is its number.
  SegmentRecord write(const std::string& file, const std::vector<std::uint32_t>& numbers) {
    const std::vector<float> values(numbers.begin(), numbers.end());
    std::vector<const float*> rows;
    for (const float& value : values) rows.push_back(&value);
    const WrittenFile written = write_vectors(segment_path(folder_, file), 1, numbers, rows);
    return {file,           "vectors",     numbers.size(),  numbers.front(),
            numbers.back(), written.bytes, written.checksum};
  }

  void insert(const std::vector<std::uint32_t>& numbers) {
    for (const std::uint32_t number : numbers)
      store_->insert({number, std::to_string(number), "", "text", ""});
  }

  std::string folder_;
  std::optional<Store> store_;
};

TEST_F(Vectors, of_files_that_overlap_are_merged_by_number) {
  insert({1, 2, 3, 5, 6, 7, 9});
  const auto merged = merge_vectors(
      *store_, folder_, {write("a", {1, 2, 3, 8, 9}), write("b", {4, 5, 6, 7})}, "merged");
  ASSERT_TRUE(merged);
  EXPECT_EQ(merged->first, 1u);
  EXPECT_EQ(merged->last, 9u);
  const VectorFile file(segment_path(folder_, "merged"));
  const auto numbers = file.numbers();
  EXPECT_EQ(std::vector(numbers.begin(), numbers.end()),
            (std::vector<std::uint32_t>{1, 2, 3, 5, 6, 7, 9}));
  for (const std::uint32_t number : numbers) {
    ASSERT_NE(file.find(number), nullptr);
    EXPECT_EQ(*file.find(number), static_cast<float>(number));
  }
}

TEST_F(Vectors, whose_numbers_do_not_ascend_are_a_problem) {
  store_->add(write("straight", {1, 2, 3}));
  EXPECT_EQ(find_problems(*store_, folder_), std::vector<std::string>{});
  store_->add(write("crooked", {4, 6, 5}));
  const auto problems = find_problems(*store_, folder_);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_NE(problems[0].find("crooked: its documents' numbers do not ascend"), std::string::npos);
}

}  // namespace
}  // namespace narabi::retrieve
