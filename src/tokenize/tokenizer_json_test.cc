#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "base/line_reader.h"
#include "narabi/error.h"
#include "text/morphology.h"
#include "tokenize/pair_encoder.h"
#include "tokenize/tokenizer_json.h"

namespace narabi::tokenize {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A tokenizer.json of a few pieces with the sections given.
std::string file_with(const std::string& sections) {
  return R"({"added_tokens":[{"id":0,"content":"<s>","normalized":false,"special":true},
    {"id":6,"content":"<mask>","lstrip":true,"normalized":false,"special":true}],)" +
         sections + R"(
    "post_processor":{"type":"TemplateProcessing",
      "single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
      "pair":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
              {"SpecialToken":{"id":"<s>","type_id":1}},{"Sequence":{"id":"B","type_id":1}}],
      "special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]}}},
    "model":{"type":"Unigram","unk_id":1,"byte_fallback":false,
      "vocab":[["<s>",0],["<unk>",0],["a",-1],["b",-1.5],["ab",-2],["▁",-3],["<mask>",0]]}})";
}

std::vector<std::int32_t> ids_of(const std::string& file, const std::string& text) {
  const LoadedTokenizer tokenizer = parse_tokenizer_json(file, "tokenizer.json", TokenizerConfig());
  return PairEncoder(tokenizer).encode_plain(text).input_ids;
}

std::string message_of(const std::string& file) {
  try {
    parse_tokenizer_json(file, "DIR/tokenizer.json", TokenizerConfig());
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(TokenizerJson, takes_the_path_of_pieces_with_the_best_sum) {
  const std::string file = file_with("");
  EXPECT_THAT(ids_of(file, "ab"), ElementsAre(4));  // -2 beats -1 - 1.5
  EXPECT_THAT(ids_of(file, "aab"), ElementsAre(2, 4));
  EXPECT_THAT(ids_of(file, "axyb"), ElementsAre(2, 1, 3));  // unknown neighbours are one token
  EXPECT_THAT(ids_of(file, ""), ElementsAre());
}

TEST(TokenizerJson, finds_special_tokens_in_the_text) {
  const std::string file = file_with("");
  EXPECT_THAT(ids_of(file, "a<s>b"), ElementsAre(2, 0, 3));
  EXPECT_THAT(ids_of(file, "a  <mask>b"), ElementsAre(2, 6, 3));  // lstrip takes the spaces along
}

TEST(TokenizerJson, applies_normalizers_and_pre_tokenizers_in_their_order) {
  EXPECT_THAT(
      ids_of(file_with(R"("normalizer":{"type":"Sequence","normalizers":[{"type":"Lowercase"},
      {"type":"Replace","pattern":{"Regex":"z+"},"content":"b"}]},)"),
             "AZZ"),
      ElementsAre(4));
  EXPECT_THAT(
      ids_of(
          file_with(
              R"("pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true},)"),
          "a b"),
      ElementsAre(5, 2, 5, 3));
  EXPECT_THAT(
      ids_of(
          file_with(
              R"("pre_tokenizer":{"type":"Split","pattern":{"String":"a"},"behavior":"Isolated"},)"),
          "ab"),
      ElementsAre(2, 3));
}

TEST(TokenizerJson, says_what_is_wrong_and_where) {
  const struct {
    std::string file, message;
  } cases[] = {
      {"", "DIR/tokenizer.json: expected JSON"},
      {"[]", "expected an object, found array"},
      {"{}", "DIR/tokenizer.json: expected the key model"},
      {std::string(100, '['), "nested deeper than 64 levels"},
      {R"({"model":{"type":"BPE","vocab":{}}})",
       "DIR/tokenizer.json.model.type is BPE; supported: Unigram, WordPiece"},
      {R"({"model":{"type":"Unigram","vocab":[]}})", "vocab: expected pieces, found none"},
      {R"({"model":{"type":"Unigram","unk_id":5,"vocab":[["a",0]]}})",
       "unk_id: expected 0 to 0, found 5"},
      {R"({"model":{"type":"Unigram","vocab":[["a",0]]}})", "unk_id: expected 0 to 0, found none"},
      {R"({"model":{"type":"Unigram","unk_id":0,"vocab":[["a"]]}})",
       "vocab[0]: expected [piece, score]"},
      {R"({"model":{"type":"WordPiece","vocab":{"a":0}}})",
       "expected the unknown token [UNK] in the vocabulary"},
      {R"({"model":{"type":"WordPiece","vocab":{"[UNK]":-1}}})",
       "vocab.[UNK]: expected an id from 0"},
      {file_with(R"("normalizer":{"type":"Magic"},)"),
       "normalizer.type is Magic; supported: Sequence, Precompiled"},
      {file_with(R"("pre_tokenizer":{"type":"ByteLevel"},)"),
       "pre_tokenizer.type is ByteLevel; supported: "},
      {file_with(R"("normalizer":{"type":"Precompiled","precompiled_charsmap":"!"},)"),
       "expected base64, found the character '!'"},
      {file_with(R"("normalizer":{"type":"Precompiled","precompiled_charsmap":"AAAAAAAA"},)"),
       "trie of 0 bytes"},
      {file_with(R"("normalizer":{"type":"Replace","pattern":{"Regex":"("},"content":""},)"),
       "regular expression (: "},
      {file_with(R"("normalizer":{"type":"Prepend","prepend":5},)"),
       "prepend: expected a string, found 5"},
      {file_with(R"("truncation":{"direction":"Left","max_length":5},)"),
       "truncation.direction is Left; supported: Right"},
  };
  for (const auto& [file, message] : cases) EXPECT_THAT(message_of(file), HasSubstr(message));
}

std::string read_golden(const char* name) {
  return base::read_file(std::string(NARABI_SOURCE_DIR "/tests/golden/") + name +
                         "/tokenizer.json");
}

// A small form of a real file under damage: it loads or is refused, and what loads can encode.
TEST(TokenizerJson, survives_truncation_and_flipped_bytes_anywhere) {
  const std::string good = file_with(
      R"("normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "}]},
         "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Digits","individual_digits":true},
           {"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":false}]},)");
  ASSERT_EQ(message_of(good), "");
  std::mt19937 random(3);
  int loaded = 0, refused = 0;
  for (int i = 0; i < 1500; ++i) {
    std::string bad = good;
    if (i % 3 == 0) bad.resize(random() % bad.size());
    if (i % 3 != 0) bad[random() % bad.size()] ^= static_cast<char>(1 << random() % 8);
    try {
      const LoadedTokenizer tokenizer = parse_tokenizer_json(bad, "x", TokenizerConfig());
      PairEncoder(tokenizer).encode_pair("ab a  1 <s>", "b<mask>ﾊﾟ か\u3099", 12,
                                         Truncation::kLongestFirst);
      ++loaded;
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(loaded, 50);
  EXPECT_GT(refused, 500);
}

// The charsmap of a real file under damage: any bytes are an input it has to bear.
TEST(TokenizerJson, survives_a_damaged_charsmap) {
  const std::string file = read_golden("xlmr-xsmall-v1");
  const std::string key = "\"precompiled_charsmap\": \"";
  const std::size_t begin = file.find(key) + key.size(), end = file.find('"', begin);
  ASSERT_LT(begin, end);
  const std::string blob = decode_base64(std::string_view(file).substr(begin, end - begin), "x");
  std::mt19937 random(4);
  for (int i = 0; i < 300; ++i) {
    std::string bad = blob;
    for (int flips = 0; flips < 200; ++flips)
      bad[4 + random() % (bad.size() - 4)] = static_cast<char>(random());
    try {
      const Charsmap charsmap(bad, "x");
      std::string text = "ｶﾞｷﾞ ① ㍿ か\u3099 abc 𠮷 é ﬁ";
      charsmap.apply(text);
    } catch (const Error&) {
    }
  }
}

TEST(PairEncoder, keeps_the_query_and_cuts_the_passage) {
  const LoadedTokenizer tokenizer = parse_tokenizer_json(file_with(""), "x", TokenizerConfig());
  PairEncoder encoder(tokenizer);
  const Encoding encoding = encoder.encode_pair("aaa", "bbb", 7, Truncation::kOnlySecond);
  EXPECT_THAT(encoding.input_ids, ElementsAre(0, 2, 2, 2, 0, 3, 3));
  EXPECT_THAT(encoding.token_type_ids, ElementsAre(0, 0, 0, 0, 1, 1, 1));
  EXPECT_TRUE(encoding.truncated);
  EXPECT_FALSE(encoding.query_truncated);
}

TEST(PairEncoder, cuts_a_query_that_alone_does_not_fit_and_says_so) {
  const LoadedTokenizer tokenizer = parse_tokenizer_json(file_with(""), "x", TokenizerConfig());
  PairEncoder encoder(tokenizer);
  const Encoding encoding = encoder.encode_pair("aaabbb", "bbb", 5, Truncation::kOnlySecond);
  EXPECT_THAT(encoding.input_ids, ElementsAre(0, 2, 2, 4, 0));  // a a ab
  EXPECT_TRUE(encoding.truncated);
  EXPECT_TRUE(encoding.query_truncated);
}

TEST(PairEncoder, refuses_a_length_without_room_for_the_special_tokens) {
  const LoadedTokenizer tokenizer = parse_tokenizer_json(file_with(""), "x", TokenizerConfig());
  PairEncoder encoder(tokenizer);
  EXPECT_THROW(encoder.encode_pair("a", "b", 1, Truncation::kOnlySecond), InvalidArgument);
  EXPECT_EQ(encoder.encode_pair("a", "b", 2, Truncation::kOnlySecond).input_ids.size(), 2u);
}

TEST(PairEncoder, names_the_byte_that_is_no_utf8) {
  const LoadedTokenizer tokenizer = parse_tokenizer_json(file_with(""), "x", TokenizerConfig());
  try {
    PairEncoder(tokenizer).encode_pair("a", "b\xFF", 9, Truncation::kOnlySecond);
    FAIL();
  } catch (const InvalidArgument& error) {
    EXPECT_THAT(error.what(), HasSubstr("passage: invalid UTF-8 at byte 1"));
  }
}

TEST(FindDictionary, says_how_to_install_what_is_missing) {
  try {
    text::find_dictionary("nonesuch");
    FAIL();
  } catch (const IoError& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("the MeCab dictionary nonesuch is not installed (looked in "));
    EXPECT_THAT(error.what(), HasSubstr("install it: scripts/install_dictionaries.sh"));
  }
}

}  // namespace
}  // namespace narabi::tokenize
