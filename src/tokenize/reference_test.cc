// Golden folders with some keys changed, against the ids that transformers gives for them
// (tools/goldens/make_tokenizer_cases.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/line_reader.h"
#include "narabi/error.h"
#include "narabi/tokenizer.h"

namespace narabi::tokenize {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kGolden = NARABI_SOURCE_DIR "/tests/golden";

// A golden folder without its weights, edited.
class EditedFolder {
 public:
  EditedFolder(const std::string& base, const json& edits) {
    std::string pattern = (fs::temp_directory_path() / "narabi-reference-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
    for (const fs::directory_entry& file : fs::directory_iterator(fs::path(kGolden) / base)) {
      const std::string ending = file.path().extension().string();
      if (ending == ".json" || ending == ".txt" || ending == ".model")
        fs::copy(file.path(), path_ / file.path().filename());
    }
    for (const auto& edit : edits.items()) write(path_ / edit.key(), edit.value());
  }
  ~EditedFolder() { fs::remove_all(path_); }
  std::string path() const { return path_.string(); }

 private:
  static void write(const fs::path& path, const json& patch) {
    if (patch.is_null()) {
      fs::remove(path);
      return;
    }
    json content = fs::exists(path) ? json::parse(base::read_file(path.string())) : json::object();
    content.merge_patch(patch);
    std::ofstream(path) << content.dump();
  }

  fs::path path_;
};

Encoding encode(const Tokenizer& tokenizer, const json& text) {
  constexpr int kRoomForAll = 512;
  if (text.is_string()) return tokenizer.encode(text.get<std::string>(), kRoomForAll);
  return tokenizer.encode_pair(text[0].get<std::string>(), text[1].get<std::string>(), kRoomForAll);
}

TEST(Reference, gives_the_same_ids_and_types_for_edited_folders) {
  base::LineReader lines(std::string(kGolden) + "/tokenizer_cases.jsonl");
  int cases = 0;
  for (std::string line; lines.next(line); ++cases) {
    const json golden = json::parse(line);
    SCOPED_TRACE(golden["about"].get<std::string>());
    const EditedFolder folder(golden["base"], golden["edits"]);
    const Tokenizer tokenizer(folder.path());
    for (const json& expected : golden["encodings"]) {
      const Encoding encoding = encode(tokenizer, expected["text"]);
      EXPECT_EQ(json(encoding.input_ids), expected["input_ids"]) << expected["text"];
      EXPECT_EQ(json(encoding.token_type_ids), expected["token_type_ids"]) << expected["text"];
    }
  }
  EXPECT_GE(cases, 10);
}

TEST(Reference, is_not_guessed_where_it_would_give_ids_that_nobody_expects) {
  const struct {
    const char* base;
    json config;  // of tokenizer_config.json
    const char* message;
  } cases[] = {
      {"bert-base-v1", R"({"tokenizer_class":null})"_json,
       "tokenizer_class: expected BertJapaneseTokenizer or BertTokenizer beside "},
      {"xlmr-spm-only", R"({"added_tokens_decoder":{"3010":{"content":"<extra>"}}})"_json,
       "the id of the added token <extra>: expected 3002 (no gap), found 3010"},
      {"bert-base-v1", R"({"added_tokens_decoder":{"2":null,"9":{"content":"[CLS]"}}})"_json,
       "the id of the special token [CLS]: expected 2 (vocab.txt), found 9"},
      {"modernbert-base-v2", R"({"truncation_side":"left"})"_json,
       "truncation_side is left; supported: right"},
      {"bert-base-v1", R"({"split_special_tokens":true})"_json,
       "split_special_tokens is true; supported: false"},
  };
  for (const auto& [base, config, message] : cases) {
    const EditedFolder folder(base, {{"tokenizer_config.json", config}});
    try {
      const Tokenizer tokenizer(folder.path());
      ADD_FAILURE() << "accepts " << config;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr(message));
      EXPECT_THAT(error.what(), testing::HasSubstr("/tokenizer_config.json: "));
    }
  }
}

}  // namespace
}  // namespace narabi::tokenize
