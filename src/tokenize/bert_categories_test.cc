#include "tokenize/bert_categories.h"

#include <gtest/gtest.h>

namespace narabi::tokenize {
namespace {

// Each seen in tokenizers 0.22.1 (tools/tokenizers/run.sh diff --every-character).
TEST(BertCategories, are_those_of_unicode_8) {
  EXPECT_TRUE(is_bert_punctuation(U'。'));
  EXPECT_TRUE(is_bert_punctuation(U'$'));
  EXPECT_TRUE(is_bert_punctuation(0x166D));   // So since 12
  EXPECT_FALSE(is_bert_punctuation(0x2E43));  // of 9
  EXPECT_TRUE(is_bert_nonspacing_mark(0x3099));
  EXPECT_TRUE(is_bert_nonspacing_mark(0x1734));   // Mc since 14
  EXPECT_FALSE(is_bert_nonspacing_mark(0xA9BD));  // Mn since 11
  EXPECT_FALSE(is_bert_nonspacing_mark(0x1DF6));  // of 10
  EXPECT_TRUE(is_bert_other(0x200B));
  EXPECT_TRUE(is_bert_other(0xE000));
  EXPECT_FALSE(is_bert_other(0x13430));  // Cf, of 12
  EXPECT_FALSE(is_bert_other(0x0378));   // unassigned
}

}  // namespace
}  // namespace narabi::tokenize
