#include "train/masked_lm_objective.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "narabi/error.h"

namespace narabi::train {
namespace {

using Ids = std::vector<std::int32_t>;

class MaskedLm : public testing::Test {
 protected:
  ~MaskedLm() override { std::remove(path_.c_str()); }

  // The ids of every example: where all tokens are masked, those that are wanted.
  std::vector<Ids> sequences_of(const std::string& text, int max_length) {
    std::ofstream(path_, std::ios::binary) << text;
    MaskedLmObjective::Options options;
    options.max_length = max_length;
    options.mask = 1;
    options.vocabulary = 3000;
    const MaskedLmObjective objective({path_}, tokenizer_, options, pool_);
    std::vector<Ids> all;
    for (std::size_t example = 0; example < objective.size(); ++example) {
      const std::vector<Draw> draws = {{example, 1}};
      const torch::Tensor wanted = objective.prepare(draws).parts.at(0).wanted;
      Ids& ids = all.emplace_back();
      for (std::int64_t i = 0; i < wanted.size(0); ++i)
        ids.push_back(static_cast<std::int32_t>(wanted[i].item<std::int64_t>()));
    }
    return all;
  }

  const std::string path_ = testing::TempDir() + "narabi-masked-lm-test.txt";
  const Tokenizer tokenizer_{std::string(NARABI_SOURCE_DIR) + "/tests/golden/modernbert-tiny-v2"};
  base::ThreadPool pool_{2};
};

TEST_F(MaskedLm, EveryTokenIsOfOneSequenceAndAllButTheLastAreFull) {
  std::string text;
  Ids expected;
  for (int i = 0; i < 40; ++i) {
    std::string line;
    for (int j = 0; j < i % 7 * 10; ++j) line += "京都の" + std::to_string(i * j) + "条。";
    line += "\n";
    if (i == 20) line = std::string(30000, 'a') + "\n";  // tokenized in pieces
    text += line;
    if (i % 7 > 0 && i != 20) {
      const Ids ids = tokenizer_.encode_plain(line).input_ids;
      expected.insert(expected.end(), ids.begin(), ids.end());
    }
  }
  const Ids special = tokenizer_.encode("", 16).input_ids;
  ASSERT_EQ(special.size(), 2u);
  std::size_t sequences = 0;
  for (const bool long_line : {false, true}) {
    SCOPED_TRACE(long_line);
    std::string part = text;
    if (!long_line) part.erase(part.find(std::string(30000, 'a')), 30001);
    const std::vector<Ids> found = sequences_of(part, 16);
    Ids joined;
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_TRUE(i + 1 == found.size() || found[i].size() == 16) << i;
      EXPECT_EQ(found[i].front(), special[0]);
      EXPECT_EQ(found[i].back(), special[1]);
      joined.insert(joined.end(), found[i].begin() + 1, found[i].end() - 1);
    }
    EXPECT_TRUE(long_line || joined == expected);
    EXPECT_GT(found.size(), sequences);
    sequences = found.size();
  }
}

TEST_F(MaskedLm, AShortTextIsWhatTheTokenizerSays) {
  for (const char* text : {"京都の都", "\xEF\xBB\xBF京都の都\n\n", "\n \n京都の都"})
    EXPECT_EQ(sequences_of(text, 64).size(), 1u);
  EXPECT_EQ(sequences_of("\xEF\xBB\xBF京都の都", 64)[0],
            tokenizer_.encode("京都の都", 64).input_ids);
}

TEST_F(MaskedLm, NamesTheLineThatIsNoUtf8AndAFileWithoutText) {
  const auto message_of = [&](const std::string& text) {
    try {
      sequences_of(text, 16);
      return std::string();
    } catch (const InvalidFormat& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(message_of("京都\n都\xFF\n"), path_ + ":2: invalid UTF-8 at byte 3 of the line");
  EXPECT_EQ(message_of("\n \n"), path_ + ": expected text, found none");
}

}  // namespace
}  // namespace narabi::train
