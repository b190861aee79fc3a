#include "retrieve/lexical/lexical_search.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <random>

#include "retrieve/bm25/postings.h"
#include "retrieve/lexical/postings_shard.h"
#include "retrieve/lexical/segment_writer.h"

namespace narabi::retrieve {
namespace {

class Searching : public ::testing::Test {
 protected:
  Searching()
      : folder_(std::filesystem::temp_directory_path() /
                ("narabi-lexical-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~Searching() override { std::filesystem::remove_all(folder_); }

  // Documents with words of a long-tailed distribution.
  static std::vector<Terms> random_documents(std::size_t count, std::uint32_t seed) {
    std::mt19937 chance(seed);
    std::vector<Terms> documents(count);
    for (Terms& terms : documents) {
      const std::size_t length = 5 + chance() % 60;
      for (std::size_t i = 0; i < length; ++i) {
        const double u = static_cast<double>(chance() % 10'000 + 1) / 10'001.0;
        terms.words.push_back("w" + std::to_string(static_cast<int>(1 / u)));
        terms.grams.push_back("g" + std::to_string(chance() % 300));
      }
    }
    return documents;
  }

  SearchedSegment write(const std::vector<Terms>& documents, std::size_t begin, std::size_t end,
                        const std::array<double, kFields>& average) {
    auto shard = std::make_unique<PostingsShard>();
    SegmentDocuments all;
    for (std::size_t i = begin; i < end; ++i) {
      std::uint32_t lengths[kFields];
      shard->add(static_cast<std::uint32_t>(i - begin), {}, documents[i], 1, lengths);
      all.numbers.push_back(static_cast<std::uint32_t>(i));
      for (int field = 0; field < kFields; ++field) {
        all.lengths[field].push_back(static_cast<std::uint16_t>(lengths[field]));
        all.total_length[field] += lengths[field];
      }
    }
    shard->sort();
    const std::string path = (folder_ / std::to_string(begin)).string();
    SegmentWriter writer(path, std::move(all), {}, average);
    std::vector<std::unique_ptr<TermSource>> sources;
    sources.push_back(std::move(shard));
    merge_terms(sources, writer);
    writer.finish();
    return {std::make_shared<const Segment>(path), {}};
  }

  std::filesystem::path folder_;
};

// The scores by the formula, without an index of any kind.
std::vector<float> plain_scores(const std::vector<Terms>& documents, const Terms& query) {
  Postings words, grams;
  for (const Terms& terms : documents) {
    words.add(terms.words);
    grams.add(terms.grams);
  }
  words.finish({});
  grams.finish({});
  std::vector<float> scores(documents.size(), 0.0f);
  words.accumulate(query.words, 1, scores);
  grams.accumulate(query.grams, 1, scores);
  return scores;
}

TEST_F(Searching, finds_many_terms_at_once_and_misses_those_that_are_not_there) {
  const auto documents = random_documents(500, 3);
  const SearchedSegment part = write(documents, 0, 500, {30.0, 30.0});
  const Segment& segment = *part.segment;
  std::vector<std::string> texts = {"", "g", "gx", "w0", "w1x", "zzz"};
  const std::size_t missing = texts.size();
  for (std::size_t i = 0; i < segment.terms(); ++i) texts.emplace_back(segment.term(i));
  const auto lists = segment.find(std::vector<std::string_view>(texts.begin(), texts.end()));
  ASSERT_EQ(lists.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    ASSERT_EQ(lists[i].has_value(), i >= missing) << texts[i];
    if (lists[i]) {
      EXPECT_EQ(lists[i]->begin, segment.list(i - missing).begin);
    }
  }
}

TEST_F(Searching, finds_the_exact_top_k_however_the_collection_is_cut) {
  const auto documents = random_documents(20'000, 7);
  const auto queries = random_documents(12, 8);
  // The first segment's bounds were made for shorter documents than there are now: they have to
  // grow.
  std::vector<SearchedSegment> parts = {write(documents, 0, 12'345, {11.0, 9.0}),
                                        write(documents, 12'345, 12'400, {40.0, 40.0}),
                                        write(documents, 12'400, 20'000, {35.0, 35.0})};
  const LexicalStatistics statistics = statistics_of(parts, {}, {1, 1});
  const LexicalSearch search(parts, statistics);
  for (const Terms& query : queries) {
    const auto expected = plain_scores(documents, query);
    for (const std::size_t k : {1u, 10u, 100u}) {
      const auto hits = search.search(query, k, {});
      ASSERT_EQ(hits.size(), k);
      auto sorted = expected;
      std::sort(sorted.rbegin(), sorted.rend());
      for (std::size_t i = 0; i < k; ++i) {
        EXPECT_NEAR(hits[i].score, expected[hits[i].number], 1e-3);
        EXPECT_NEAR(hits[i].score, sorted[i], 1e-3);
        if (i == 0) continue;
        EXPECT_GE(hits[i - 1].score, hits[i].score);
        if (hits[i - 1].score == hits[i].score) {
          EXPECT_LT(hits[i - 1].number, hits[i].number);
        }
      }
    }
  }
}

TEST_F(Searching, scores_and_ranks_equally_however_the_collection_is_cut) {
  auto documents = random_documents(18'000, 21);
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (i % 7 == 0) documents[i] = documents[i % 210];  // each of them again and again: ties
  }
  const std::vector<SearchedSegment> whole = {write(documents, 0, documents.size(), {33, 33})};
  const LexicalStatistics statistics = statistics_of(whole, {}, {1, 1});
  const LexicalSearch one(whole, statistics);
  const LexicalSearch many(
      {write(documents, 0, 300, {9, 9}), write(documents, 300, 9'000, {33, 33}),
       write(documents, 9'000, documents.size(), {60, 60})},
      statistics);
  for (std::size_t i = 0; i < 30; ++i) {
    Terms query = documents[i * 7];
    query.words.resize(1 + i % 5);
    query.grams.resize(1 + i % 3);
    const auto expected = one.search(query, documents.size(), {});
    for (const std::size_t k : {10u, 100u}) {
      for (const LexicalSearch* search : {&one, &many}) {
        const auto hits = search->search(query, k, {});
        ASSERT_EQ(hits.size(), std::min(k, expected.size()));
        for (std::size_t j = 0; j < hits.size(); ++j) {
          ASSERT_EQ(hits[j].number, expected[j].number) << i << " " << k << " " << j;
          ASSERT_EQ(hits[j].score, expected[j].score);
        }
      }
    }
  }
}

TEST_F(Searching, leaves_out_the_dead_and_what_is_not_allowed) {
  const auto documents = random_documents(3'000, 9);
  SearchedSegment segment = write(documents, 0, documents.size(), {33, 33});
  segment.dead = Bitmap(documents.size());
  Bitmap allowed(documents.size());
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (i % 3 == 0) segment.dead.set(i);
    if (i % 2 == 0) allowed.set(i);
  }
  const std::vector<SearchedSegment> segments = {segment};
  const LexicalSearch search(segments, statistics_of(segments, {}, {1, 1}));
  const std::vector<Bitmap> bitmaps = {allowed};
  const auto hits = search.search(documents[4], 50, bitmaps);
  ASSERT_EQ(hits.size(), 50u);
  EXPECT_EQ(hits[0].number, 4u);
  for (const auto& hit : hits) EXPECT_TRUE(hit.number % 3 != 0 && hit.number % 2 == 0);
  EXPECT_TRUE(search.is_alive(4, bitmaps));
  EXPECT_FALSE(search.is_alive(3, {}));
  EXPECT_FALSE(search.is_alive(5, bitmaps));
}

TEST_F(Searching, explains_a_score_term_by_term) {
  const auto documents = random_documents(500, 11);
  const std::vector<SearchedSegment> segments = {write(documents, 0, 500, {33, 33})};
  const LexicalSearch search(segments, statistics_of(segments, {}, {1, 1}));
  const auto hit = search.search(documents[17], 1, {}).at(0);
  double sum = 0;
  for (const auto& part : search.explain(documents[17], hit.number)) sum += part.score;
  EXPECT_NEAR(sum, hit.score, 1e-3);
}

}  // namespace
}  // namespace narabi::retrieve
