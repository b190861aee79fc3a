// The shipped models' tokenizers against the ids of the reference.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "narabi/tokenizer.h"

namespace narabi {
namespace {

class ShippedTokenizer : public testing::TestWithParam<const char*> {};

TEST_P(ShippedTokenizer, gives_the_ids_of_the_reference) {
  const std::string folder = std::string(NARABI_SOURCE_DIR "/models/") + GetParam();
  const Tokenizer tokenizer(folder);
  std::ifstream file(folder + "/golden.jsonl");
  int pairs = 0;
  for (std::string line; std::getline(file, line); ++pairs) {
    const auto golden = nlohmann::json::parse(line);
    const std::string query = golden["query"], passage = golden["passage"];
    const Encoding encoding = tokenizer.encode_pair(query, passage, 512);
    ASSERT_EQ(encoding.input_ids, golden["input_ids"].get<std::vector<std::int32_t>>()) << line;
  }
  EXPECT_EQ(pairs, 200);
}

INSTANTIATE_TEST_SUITE_P(Models, ShippedTokenizer,
                         testing::Values("prototype-modernbert-6l", "narabi-xsmall",
                                         "narabi-tiny"));

}  // namespace
}  // namespace narabi
