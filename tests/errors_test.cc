// What a user is told when a model folder is not what it has to be: golden folders, spoilt one way
// each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "base/line_reader.h"
#include "golden_files.h"
#include "narabi/embedder.h"
#include "narabi/error.h"
#include "narabi/inspect.h"
#include "narabi/reranker.h"
#include "spoilt_folder.h"

namespace narabi::golden {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

TEST(Errors, name_file_key_value_and_what_is_supported) {
  const struct {
    const char *folder, *key;
    json value;
    const char* message;
  } cases[] = {
      {"bert-base-v1", "hidden_act", "relu",
       "config.json: hidden_act is \"relu\"; supported: gelu"},
      {"bert-base-v1", "position_embedding_type", "relative_key",
       "position_embedding_type is \"relative_key\"; supported: absolute"},
      {"bert-base-v1", "is_decoder", true, "is_decoder is true; supported: false"},
      {"bert-base-v1", "num_attention_heads", 7,
       "num_attention_heads: expected a divisor of hidden_size 36, found 7"},
      {"bert-base-v1", "hidden_size", "x", "hidden_size: expected an integer, found \"x\""},
      {"bert-base-v1", "hidden_size", 0, "hidden_size: expected 1 to"},
      {"bert-base-v1", "num_hidden_layers", 1 << 24,
       "num_hidden_layers: expected 1 to 1024, found 16777216"},
      {"modernbert-tiny-v2", "max_position_embeddings", 1 << 24,
       "max_position_embeddings: expected 1 to 131072, found 16777216"},
      {"bert-base-v1", "num_hidden_layers", 11, "holds the tensor bert.encoder.layer.11."},
      {"bert-base-v1", "num_hidden_layers", 13,
       "expected the tensor bert.encoder.layer.12.attention.self.query.weight [36, 36], found "
       "none"},
      {"bert-base-v1", "intermediate_size", 100,
       "expected the shape [100, 36] (from config.json), found [144, 36]"},
      {"bert-base-v1", "id2label", json{{"0", "A"}, {"1", "B"}},
       "id2label is {\"0\":\"A\",\"1\":\"B\"}; supported: one label"},
      {"bert-base-v1", "architectures", json{"T5Model"},
       "architectures is [\"T5Model\"]; supported: BertForSequenceClassification"},
      {"bert-base-v1", "architectures", json{"BertModel"}, "(this folder is no reranker)"},
      {"bert-base-v1", "sentence_transformers", json{{"activation_fn", "torch.nn.ReLU"}},
       "activation_fn is \"torch.nn.ReLU\"; supported:"},
      {"xlmr-xsmall-v1", "pad_token_id", 600, "pad_token_id: expected 0 to 512, found 600"},
      {"modernbert-tiny-v2", "classifier_pooling", "max",
       "classifier_pooling is \"max\"; supported: cls, mean"},
      {"modernbert-tiny-v2", "hidden_activation", "silu",
       "hidden_activation is \"silu\"; supported: gelu"},
      {"modernbert-tiny-v2", "attention_bias", true,
       "expected the tensor model.layers.0.attn.Wqkv.bias [96], found none"},
      {"modernbert-mean-bias", "norm_bias", false,
       "holds the tensor model.embeddings.norm.bias, which config.json says"},
      {"modernbert-tiny-v2", "global_rope_theta", -1,
       "global_rope_theta: expected a number above 1"},
      {"modernbert-xsmall-v2", "layer_types", json{"full_attention"},
       "layer_types: expected num_hidden_layers = 10 entries, found 1"},
  };
  for (const auto& test : cases) {
    const Spoilt folder(test.folder);
    folder.config(test.key, test.value);
    EXPECT_THAT(folder.message(), HasSubstr(test.message)) << test.folder << " " << test.key;
  }
}

TEST(Errors, name_a_vocabulary_that_does_not_match_the_embedding_matrix) {
  const Spoilt folder("modernbert-tiny-v2");
  json tokenizer = json::parse(base::read_file(folder.file("tokenizer.json")));
  tokenizer["model"]["vocab"].push_back({"余分", -20.0});
  std::ofstream(folder.file("tokenizer.json")) << tokenizer.dump();
  EXPECT_THAT(folder.message(), HasSubstr("the tokenizer gives ids up to 3000, but the embedding "
                                          "matrix (config.json: vocab_size) has 3000 rows"));
}

TEST(Errors, name_the_tensor_that_holds_nan) {
  for (const std::string name : {"classifier.weight", "model.embeddings.tok_embeddings.weight",
                                 "model.layers.1.mlp.Wi.weight"}) {
    const Spoilt folder("modernbert-tiny-v2");
    std::fstream file(folder.file("model.safetensors"),
                      std::ios::in | std::ios::out | std::ios::binary);
    std::uint64_t length = 0;
    file.read(reinterpret_cast<char*>(&length), sizeof length);
    std::string header(length, '\0');
    file.read(header.data(), static_cast<std::streamsize>(length));
    const std::uint64_t offset = json::parse(header)[name]["data_offsets"][0];
    const float nan = std::numeric_limits<float>::quiet_NaN();
    file.seekp(static_cast<std::streamoff>(8 + length + offset + 4 * 5));
    file.write(reinterpret_cast<const char*>(&nan), sizeof nan);
    file.close();
    EXPECT_THAT(folder.message(),
                HasSubstr("tensor " + name + ": expected finite values, found NaN at element 5"));
  }
}

TEST(Errors, name_the_tokenizer_files_that_are_missing) {
  const Spoilt folder("modernbert-tiny-v2");
  fs::remove(folder.file("tokenizer.json"));
  EXPECT_THAT(folder.message(), HasSubstr("expected a tokenizer: tokenizer.json, "
                                          "sentencepiece.bpe.model, tokenizer.model or vocab.txt"));
}

TEST(Errors, name_the_settings_of_japanese_bert_that_are_not_supported) {
  const struct {
    const char* key;
    json value;
    const char* message;
  } cases[] = {
      {"word_tokenizer_type", "sudachi",
       "tokenizer_config.json: word_tokenizer_type is sudachi; supported: mecab"},
      {"subword_tokenizer_type", "sentencepiece",
       "subword_tokenizer_type is sentencepiece; supported: wordpiece, character"},
      {"mecab_kwargs", json{{"mecab_dic", "unidic"}},
       "mecab_kwargs.mecab_dic is unidic; supported: unidic_lite, ipadic"},
      {"do_lower_case", 3, "do_lower_case: expected true or false"},
  };
  for (const auto& test : cases) {
    const Spoilt folder("bert-base-v1");
    json config = json::parse(base::read_file(folder.file("tokenizer_config.json")));
    config[test.key] = test.value;
    std::ofstream(folder.file("tokenizer_config.json")) << config.dump();
    EXPECT_THAT(folder.message(), HasSubstr(test.message));
  }
  const Spoilt empty("bert-base-v1");
  std::ofstream(empty.file("vocab.txt")) << "";
  EXPECT_THAT(empty.message(), HasSubstr("vocab.txt: expected a token a line, found none"));
}

TEST(Errors, name_the_class_of_a_vocab_txt_that_is_not_supported) {
  const Spoilt folder("bert-base-v1");
  folder.edit("tokenizer_config.json", {{"tokenizer_class", "MPNetTokenizer"}});
  EXPECT_THAT(folder.message(),
              HasSubstr("tokenizer_config.json: tokenizer_class is MPNetTokenizer; supported with "
                        "vocab.txt and no tokenizer.json: BertTokenizer, BertJapaneseTokenizer"));
}

TEST(Errors, refuse_a_length_beyond_the_positions) {
  try {
    const Reranker reranker(root() + "/bert-base-v1", {.max_length = 513});
    FAIL();
  } catch (const InvalidArgument& error) {
    EXPECT_THAT(error.what(), HasSubstr("max_length: expected 1 to 512"));
  }
}

TEST(Errors, refuse_lengths_and_ids_that_the_first_pair_would_stumble_over) {
  const Spoilt short_limit("xlmr-xsmall-v1");
  EXPECT_THAT(short_limit.message({.max_length = 3}), HasSubstr("expected at least 4"));
  short_limit.edit("tokenizer_config.json", {{"model_max_length", -1}});
  EXPECT_THAT(short_limit.message(), HasSubstr("tokenizer_config.json: model_max_length: expected "
                                               "1 or more, found -1"));
  const Spoilt stray("modernbert-tiny-v2");
  json tokenizer = json::parse(base::read_file(stray.file("tokenizer.json")));
  for (auto& [name, token] : tokenizer["post_processor"]["special_tokens"].items())
    token["ids"] = {99999};
  std::ofstream(stray.file("tokenizer.json")) << tokenizer.dump();
  EXPECT_THAT(stray.message(), HasSubstr("the tokenizer gives ids up to 99999, but the embedding "
                                         "matrix (config.json: vocab_size) has 3000 rows"));
}

TEST(Errors, name_what_an_embedder_cannot_do) {
  const Spoilt folder("embed-e5-small");
  EXPECT_THAT(folder.message<Embedder>({.max_length = 100000}),
              HasSubstr("max_length: expected 1 to 512"));
  folder.edit("sentence_bert_config.json", {{"max_seq_length", -5}});
  EXPECT_THAT(folder.message<Embedder>(),
              HasSubstr("sentence_bert_config.json: max_seq_length: expected 1 to 16777216, found "
                        "-5"));
  folder.edit("sentence_bert_config.json", {{"max_seq_length", 512}});
  folder.edit("1_Pooling/config.json", {{"pooling_mode_max_tokens", true}});
  EXPECT_THAT(folder.message<Embedder>(), HasSubstr("pooling_mode_max_tokens is true; supported: "
                                                    "pooling_mode_cls_token"));
  folder.edit("1_Pooling/config.json",
              {{"pooling_mode_max_tokens", false}, {"include_prompt", false}});
  EXPECT_THAT(folder.message<Embedder>(), HasSubstr("include_prompt is false; supported: true"));
  folder.edit("1_Pooling/config.json", {{"include_prompt", true}});
  json modules = json::parse(base::read_file(folder.file("modules.json")));
  modules.push_back({{"idx", 3},
                     {"name", "3"},
                     {"path", "3_Dense"},
                     {"type", "sentence_transformers.models.Dense"}});
  std::ofstream(folder.file("modules.json")) << modules.dump();
  EXPECT_THAT(folder.message<Embedder>(), HasSubstr("3_Dense: no such folder"));
  modules.back()["type"] = "sentence_transformers.models.WeightedLayerPooling";
  std::ofstream(folder.file("modules.json")) << modules.dump();
  EXPECT_THAT(folder.message<Embedder>(),
              HasSubstr("modules.json: type is "
                        "\"sentence_transformers.models.WeightedLayerPooling\"; supported: "
                        "Transformer, Pooling, Dense, Normalize, StaticEmbedding"));
  folder.edit("config_sentence_transformers.json", {{"truncate_dim", 0}});
  modules.erase(modules.size() - 1);
  std::ofstream(folder.file("modules.json")) << modules.dump();
  EXPECT_THAT(folder.message<Embedder>(), HasSubstr("truncate_dim: expected 1 or more, found 0"));
}

TEST(Errors, name_a_default_prompt_that_the_folder_lacks) {
  const Spoilt folder("embed-e5-small");
  folder.edit("config_sentence_transformers.json", {{"default_prompt_name", "passage"}});
  EXPECT_THAT(folder.message<Embedder>(),
              HasSubstr("config_sentence_transformers.json: default_prompt_name: expected one of "
                        "prompts (document, query), found passage"));
}

TEST(Embedders, put_the_default_prompt_in_front_where_no_other_is_asked_for) {
  const Spoilt folder("embed-e5-small");
  const std::string_view text = "東京タワー";
  const Embedder plain(folder.path());
  folder.edit("config_sentence_transformers.json", {{"default_prompt_name", "query"}});
  const Embedder prompted(folder.path());
  EXPECT_NE(plain.embed({&text, 1}), prompted.embed({&text, 1}));
  EXPECT_EQ(plain.embed({&text, 1}, "query"), prompted.embed({&text, 1}));
  EXPECT_EQ(plain.embed({&text, 1}, "document"), prompted.embed({&text, 1}, "document"));
}

// The golden folders do not ask for lower case; with it the reference's vectors of a text are those
// of text.lower().
TEST(Embedders, lower_the_case_of_texts_where_the_folder_asks_for_it) {
  const Spoilt folder("embed-e5-small");
  const std::string_view mixed = "Tokyo ＴＯＷＥＲ ΟΔΟΣ", lower = "tokyo ｔｏｗｅｒ οδος";
  const std::vector<float> expected = Embedder(folder.path()).embed({&lower, 1});
  EXPECT_NE(Embedder(folder.path()).embed({&mixed, 1}), expected);
  folder.edit("sentence_bert_config.json", {{"do_lower_case", true}});
  EXPECT_EQ(Embedder(folder.path()).embed({&mixed, 1}), expected);
}

// sentence-transformers' StaticEmbedding leaves truncation to the tokenizers library.
TEST(Embedders, without_an_encoder_truncate_as_tokenizer_json_says) {
  const Spoilt folder("embed-static");
  const std::string_view text = "東京タワーは高い", nothing;
  const std::vector<float> whole = Embedder(folder.path()).embed({&text, 1});
  const json truncation = {
      {"direction", "Right"}, {"max_length", 0}, {"strategy", "LongestFirst"}, {"stride", 0}};
  folder.edit("tokenizer.json", {{"truncation", truncation}});
  std::vector<bool> truncated;
  const std::vector<float> none = Embedder(folder.path()).embed({&text, 1}, {}, &truncated);
  EXPECT_NE(none, whole);
  EXPECT_EQ(truncated, std::vector<bool>{true});
  Embedder(folder.path()).embed({&nothing, 1}, {}, &truncated);
  EXPECT_EQ(truncated, std::vector<bool>{false});
  EXPECT_EQ(none, Embedder(folder.path()).embed({&nothing, 1}));
  folder.edit("tokenizer.json", {{"truncation", {{"direction", "Left"}}}});
  EXPECT_THAT(folder.message<Embedder>(),
              HasSubstr("tokenizer.json: truncation.direction is \"Left\"; supported: Right"));
}

TEST(Errors, name_the_modules_and_prompts_of_embedders) {
  const Embedder embedder(root() + "/embed-ruri-v3");
  const std::string_view text = "x";
  try {
    embedder.embed({&text, 1}, "nonesuch");
    FAIL();
  } catch (const InvalidArgument& error) {
    EXPECT_THAT(
        error.what(),
        HasSubstr("prompt: expected one that the folder names (document, query), found nonesuch"));
  }
  EXPECT_THROW(Embedder(root() + "/bert-base-v1"), IoError);
}

TEST(Errors, are_findings_of_inspect_rather_than_failures) {
  const Spoilt folder("bert-base-v1");
  folder.config("hidden_act", "relu");
  const ModelSummary summary = inspect(folder.path());
  ASSERT_EQ(summary.unsupported.size(), 1u);
  EXPECT_THAT(summary.unsupported[0], HasSubstr("hidden_act is \"relu\""));
}

TEST(Errors, of_architectures_are_one_finding_of_inspect) {
  for (const json& value : {json::array(), json("BertModel"), json{"A", "B"}}) {
    const Spoilt folder("bert-base-v1");
    folder.config("architectures", value);
    const ModelSummary summary = inspect(folder.path());
    ASSERT_EQ(summary.unsupported.size(), 1u) << value;
    EXPECT_THAT(summary.unsupported[0], HasSubstr("config.json: architectures"));
  }
}

TEST(Errors, of_the_file_system_belong_to_the_family) {
  const Spoilt ring("bert-base-v1");
  fs::remove(ring.file("config.json"));
  fs::create_symlink("config.json", ring.file("config.json"));
  EXPECT_THAT(ring.message(), HasSubstr("config.json: cannot look there: Too many levels"));
  const std::string endless(5000, 'x');
  EXPECT_THROW(Reranker{endless}, IoError);
  EXPECT_THROW(Embedder{endless}, IoError);
  EXPECT_THROW(inspect(endless), IoError);
}

// Loads, and scores where it can; whatever is wrong has to be an Error.
void load_and_score(const std::string& folder) {
  const Pair pair{"東京はどこ <s> 12", "ﾄｳｷｮｳは日本の首都 𠮷 ABC"};
  try {
    Reranker(folder, {.threads = 1}).score({&pair, 1});
  } catch (const Error&) {
  }
}

std::vector<std::string> files_of(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string file = entry.path().filename().string();
    if (entry.is_regular_file() && !file.ends_with(".xz")) files.push_back(file);
  }
  std::sort(files.begin(), files.end());
  return files;
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

// Every file of a folder damaged at random places, many times: an Error or a score, never a crash.
TEST(Errors, survive_damage_to_any_file) {
  std::mt19937 random(5);
  for (const std::string name : {"modernbert-tiny-v2", "modernbert-mean-bias", "bert-char-ipadic",
                                 "xlmr-spm-only", "bert-tokenizer-json"}) {
    for (const std::string& file : files_of(root() + "/" + name)) {
      const Spoilt folder(name);
      const std::string good = base::read_file(folder.file(file));
      for (int i = 0; i < 12; ++i) {
        std::string bad = good;
        if (i % 4 == 0) {
          bad.resize(random() % bad.size());
        } else if (i % 4 == 1) {  // digits are what gets past the parsers
          std::size_t at = random() % bad.size();
          at = std::min(bad.find_first_of("0123456789", at), bad.size() - 1);
          bad[at] = static_cast<char>('0' + random() % 10);
        } else {
          const std::size_t reach =
              i % 4 == 2 ? bad.size() : std::min<std::size_t>(bad.size(), 2000);
          bad[random() % reach] ^= static_cast<char>(1 << random() % 8);
        }
        SCOPED_TRACE(name + "/" + file + " #" + std::to_string(i));
        write_file(folder.file(file), bad);
        EXPECT_NO_FATAL_FAILURE(load_and_score(folder.path()));
      }
    }
  }
}

}  // namespace
}  // namespace narabi::golden
