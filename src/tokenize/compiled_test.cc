#include "tokenize/compiled.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/checksum.h"
#include "base/line_reader.h"
#include "narabi/error.h"
#include "tokenize/pair_encoder.h"

namespace narabi::tokenize {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;

constexpr const char* kUnigram = R"({"added_tokens":[{"id":0,"content":"<s>","normalized":false}],
  "normalizer":{"type":"Lowercase"},
  "model":{"type":"Unigram","unk_id":1,"byte_fallback":true,"vocab":[["<s>",0],["<unk>",0],
    ["京",-1.25],["都",-1.5],["京都",-2],["a",-3],["<0xE3>",-9],["<0x81>",-9],["<0x82>",-9]]}})";
constexpr const char* kWordPiece = R"({"pre_tokenizer":{"type":"Whitespace"},
  "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",
    "vocab":{"[UNK]":0,"京":1,"##都":2,"a":7,"##b":4}}})";
constexpr const char* kVocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n京\n都\n##b\na\n";
constexpr const char* kText = "京都 ab あいa<s>都";

constexpr std::size_t kChecksumAt = 16, kCovered = 24, kSectionsAt = 40, kSections = 5;

class Compiled : public testing::Test {
 protected:
  Compiled() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "narabi-compiled-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Compiled() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary) << content;
  }
  void compile(const std::string& name, const std::string& content) {
    write(name, content);
    ASSERT_TRUE(compile_tokenizer(folder_.string(), folder_.string()));
    file_ = base::read_file(path(kCompiledFile));
  }
  std::vector<std::int32_t> ids() const {
    const LoadedTokenizer tokenizer = load_tokenizer(folder_.string());
    return PairEncoder(tokenizer).encode_plain(kText).input_ids;
  }
  std::string message() const {
    try {
      ids();
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  }
  // As if the bytes had been written so: with their own checksum.
  void write_checked(std::string bytes) const {
    const std::uint64_t sum = base::checksum(std::as_bytes(std::span(bytes)).subspan(kCovered));
    std::memcpy(bytes.data() + kChecksumAt, &sum, sizeof sum);
    write(kCompiledFile, bytes);
  }
  template <typename T>
  std::string with(std::size_t at, T value) const {
    std::string changed = file_;
    std::memcpy(changed.data() + at, &value, sizeof value);
    return changed;
  }
  std::uint64_t offset_of(std::size_t section) const {
    std::uint64_t offset = 0;
    std::memcpy(&offset, file_.data() + kSectionsAt + 16 * section, sizeof offset);
    return offset;
  }

  std::filesystem::path folder_;
  std::string file_;
};

TEST_F(Compiled, gives_the_ids_of_the_file_it_was_made_of_and_does_not_need_it) {
  for (const auto& [name, content] : {std::pair{"tokenizer.json", kUnigram},
                                      {"tokenizer.json", kWordPiece},
                                      {"vocab.txt", kVocabulary}}) {
    write(name, content);
    const std::vector<std::int32_t> expected = ids();
    compile(name, content);
    EXPECT_THAT(ids(), ElementsAreArray(expected)) << content;
    std::filesystem::remove(path(name));
    EXPECT_THAT(ids(), ElementsAreArray(expected)) << content;
    const LoadedTokenizer tokenizer = load_tokenizer(folder_.string());
    EXPECT_EQ(tokenizer.text->vocabulary_size(), content == kVocabulary ? 9
                                                 : content == kUnigram  ? 9
                                                                        : 8);
    std::filesystem::remove(path(kCompiledFile));
  }
}

TEST_F(Compiled, leaves_a_sentencepiece_model_to_its_library) {
  write("sentencepiece.bpe.model", "x");
  EXPECT_FALSE(compile_tokenizer(folder_.string(), folder_.string()));
  EXPECT_FALSE(std::filesystem::exists(path(kCompiledFile)));
}

// As load_tokenizer() reads the folder.
TEST_F(Compiled, is_made_of_vocab_txt_for_BertJapaneseTokenizer) {
  write("tokenizer_config.json", R"({"tokenizer_class":"BertJapaneseTokenizer"})");
  write("tokenizer.json", kUnigram);
  compile("vocab.txt", kVocabulary);
  EXPECT_EQ(CompiledTokenizer::find(folder_.string())->source(),
            CompiledTokenizer::Source::kVocabTxt);
}

TEST_F(Compiled, is_refused_where_its_source_has_become_another) {
  compile("tokenizer.json", kUnigram);
  write("tokenizer.json", kWordPiece);
  EXPECT_THAT(message(), HasSubstr("tokenizer.narabi: was compiled from another tokenizer.json"));
}

TEST_F(Compiled, is_refused_where_any_byte_is_another) {
  compile("tokenizer.json", kUnigram);
  for (std::size_t at = 0; at < file_.size(); at += at < 200 ? 1 : 37) {
    write(kCompiledFile, with(at, static_cast<char>(file_[at] ^ 1)));
    EXPECT_THAT(message(), HasSubstr("tokenizer.narabi: ")) << at;
  }
  for (std::size_t size = 0; size < file_.size(); size += size < 200 ? 1 : 61) {
    write(kCompiledFile, file_.substr(0, size));
    EXPECT_THAT(message(), HasSubstr("tokenizer.narabi: ")) << size;
  }
  write(kCompiledFile, with(8, std::uint32_t{2}));
  EXPECT_THAT(message(), HasSubstr("version: expected 1, found 2"));
}

TEST_F(Compiled, is_refused_where_a_section_does_not_fit) {
  compile("tokenizer.json", kUnigram);
  const auto refused = [&](const std::string& bytes, const std::string& expected) {
    write_checked(bytes);
    EXPECT_THAT(message(), HasSubstr("tokenizer.narabi")) << expected;
    EXPECT_THAT(message(), HasSubstr(expected));
  };
  refused(with(kCovered, std::uint64_t{3}), "source: expected 1 or 2, found 3");
  for (std::size_t section = 0; section < kSections; ++section) {
    const std::size_t at = kSectionsAt + 16 * section;
    refused(with(at, ~std::uint64_t{0}), "expected it within the file's");
    refused(with(at + 8, ~std::uint64_t{0}), "expected it within the file's");
    if (section > 0) refused(with(at, std::uint64_t{1}), "at a multiple of 64, found");
  }
  refused(with(kSectionsAt + 16 + 8, std::uint64_t{48}), "expected a power of two edges, found 3");
  refused(with(kSectionsAt + 48 + 8, std::uint64_t{0}), "");
  refused(with(offset_of(1) + 12, std::int32_t{9}), "expected pieces below 9, found 1 edges");
  refused(with(offset_of(3) + 8, std::nan("")), "vocab[1]: expected a score, found NaN");
  std::string full = file_;
  for (std::size_t edge = offset_of(1); edge < offset_of(2); edge += 16)
    std::memset(full.data() + edge, 0, 8);
  refused(full, "expected an empty edge, found none");
}

// Nothing that a checksum lets through may do more than give other ids.
TEST_F(Compiled, ends_in_ids_or_an_error_whatever_it_holds) {
  for (const auto& [name, content] : {std::pair{"tokenizer.json", kUnigram},
                                      {"tokenizer.json", kWordPiece},
                                      {"vocab.txt", kVocabulary}}) {
    compile(name, content);
    std::mt19937 random(7);
    for (int round = 0; round < 300; ++round) {
      std::string changed = file_;
      for (int flips = 1 + static_cast<int>(random() % 4); flips > 0; --flips)
        changed[kCovered + random() % (changed.size() - kCovered)] = static_cast<char>(random());
      write_checked(changed);
      message();
    }
    std::filesystem::remove(path(name));
    std::filesystem::remove(path(kCompiledFile));
  }
}

}  // namespace
}  // namespace narabi::tokenize
