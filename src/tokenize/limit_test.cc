// What a worker gives under a limit begins what it gives without one.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/line_reader.h"
#include "base/utf8.h"
#include "tokenize/text_tokenizer.h"

namespace narabi::tokenize {
namespace {

#ifdef NARABI_SANITIZED
constexpr std::size_t kStep = 67;
#else
constexpr std::size_t kStep = 7;
#endif

// Golden pairs hold natural passages and nasty strings: long runs of one character, unknown
// characters, bytes, special tokens.
std::vector<std::string> long_texts() {
  std::vector<std::string> texts;
  base::LineReader lines(NARABI_SOURCE_DIR "/tests/golden/pairs.jsonl.xz");
  for (std::string line; lines.next(line);)
    if (line.size() > 600) texts.push_back(line);
  std::string joined;
  for (std::size_t i = 0; i < texts.size(); i += 5)
    joined += texts[i].substr(0, 40) + "𰻞𰻞 𩸽<s>";
  if (base::invalid_utf8_at(joined)) joined = base::replace_invalid_utf8(joined);
  texts.push_back(joined);
  return texts;
}

class Limit : public testing::TestWithParam<const char*> {};

TEST_P(Limit, gives_the_beginning_of_all_ids) {
  const LoadedTokenizer tokenizer = load_tokenizer(std::string(NARABI_SOURCE_DIR "/") + GetParam());
  const auto worker = tokenizer.text->worker();
  std::size_t stopped_early = 0;
  for (const std::string& text : long_texts()) {
    std::vector<std::int32_t> all;
    worker->append_ids(text, all, kNoLimit);
    for (std::size_t limit = 0; limit < all.size() + 3; limit += kStep) {
      std::vector<std::int32_t> some;
      worker->append_ids(text, some, limit);
      ASSERT_LE(some.size(), all.size());
      ASSERT_TRUE(std::equal(some.begin(), some.end(), all.begin())) << limit << " of " << text;
      ASSERT_TRUE(some.size() > limit || some.size() == all.size());
      stopped_early += some.size() < all.size();
    }
  }
  EXPECT_GT(stopped_early, 50u);
}

INSTANTIATE_TEST_SUITE_P(Folders, Limit,
                         testing::Values("models/prototype-modernbert-6l",
                                         "tests/golden/xlmr-xsmall-v1",
                                         "tests/golden/modernbert-small-v2",
                                         "tests/golden/bert-tokenizer-json"));

}  // namespace
}  // namespace narabi::tokenize
