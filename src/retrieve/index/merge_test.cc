#include "retrieve/index/merge.h"

#include <gtest/gtest.h>

namespace narabi::retrieve {
namespace {

struct Collection {
  std::vector<SegmentRecord> segments;
  std::uint64_t added = 0, copied = 0;
  std::size_t most = 0;  // segments at a time

  void commit(std::uint64_t documents) {
    segments.push_back({.file = "", .kind = "lexical", .documents = documents});
    added += documents;
    for (auto run = run_to_merge(segments); !run.empty(); run = run_to_merge(segments)) {
      SegmentRecord merged{.file = "", .kind = "lexical"};
      for (const SegmentRecord& record : run) merged.documents += record.documents;
      copied += merged.documents;
      segments.resize(segments.size() - run.size());
      segments.push_back(merged);
    }
    most = std::max(most, segments.size());
  }
};

TEST(Merging, copies_a_document_once_per_factor_of_eight) {
  Collection collection;
  for (int i = 0; i < 4000; ++i) collection.commit(16384);  // 8^4 is 4,096
  EXPECT_LE(collection.copied, 4 * collection.added);
  EXPECT_LE(collection.most, 4u * 7 + 1);
}

TEST(Merging, leaves_a_large_segment_alone_when_small_ones_come) {
  Collection collection;
  collection.commit(5'000'000);
  for (int i = 0; i < 100; ++i) collection.commit(100);
  EXPECT_EQ(collection.segments.front().documents, 5'000'000u);
  EXPECT_LE(collection.most, 1u + 2 * 8);
}

TEST(Merging, stays_small_whatever_the_sizes_of_commits) {
  Collection collection;
  for (std::uint64_t i = 0; i < 5000; ++i) collection.commit(1 + i * i * 7919 % 20000);
  EXPECT_LE(collection.most, 64u);
  EXPECT_LE(collection.copied, 6 * collection.added);
}

}  // namespace
}  // namespace narabi::retrieve
