// Folders as other versions of sentence-transformers and transformers write them: golden folders
// with the files changed, compared with themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/sentence_transformers.h"
#include "narabi/embedder.h"
#include "narabi/inspect.h"
#include "rerank/activation.h"
#include "spoilt_folder.h"

namespace narabi::golden {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kSettings = "config_sentence_transformers.json";

void write(const Spoilt& folder, const std::string& name, const json& content) {
  std::ofstream(folder.file(name)) << content.dump();
}

// What CrossEncoder.save_pretrained() of sentence-transformers 6.2 writes around the model.
void make_cross_encoder(const Spoilt& folder, const json& settings = json::object()) {
  write(folder, "modules.json",
        {{{"idx", 0},
          {"name", "0"},
          {"path", ""},
          {"type", "sentence_transformers.base.modules.transformer.Transformer"}}});
  write(folder, "sentence_bert_config.json", {{"transformer_task", "sequence-classification"}});
  json all = {{"model_type", "CrossEncoder"},
              {"activation_fn", "torch.nn.modules.activation.Sigmoid"},
              {"default_prompt_name", nullptr},
              {"prompts", json::object()}};
  all.update(settings);
  write(folder, kSettings, all);
}

Score score_of(const std::string& folder) {
  const Pair pair{"東京タワーの高さ", "東京タワーの高さは333メートルである。"};
  return Reranker(folder).score({&pair, 1})[0];
}

TEST(CrossEncoders, of_sentence_transformers_6_are_no_embedders) {
  const Spoilt folder("xlmr-xsmall-v1");
  const Score before = score_of(folder.path());
  EXPECT_FALSE(engine::is_embedder(folder.path()));
  make_cross_encoder(folder);
  EXPECT_FALSE(engine::is_embedder(folder.path()));
  EXPECT_THAT(inspect(folder.path()).unsupported, IsEmpty());
  EXPECT_EQ(score_of(folder.path()).score, before.score);
  std::filesystem::remove(folder.file(kSettings));  // the task alone says it, too
  EXPECT_FALSE(engine::is_embedder(folder.path()));
  EXPECT_TRUE(engine::is_embedder(root() + "/embed-e5-small"));
}

TEST(CrossEncoders, have_the_activation_of_the_file_that_the_reference_reads) {
  const Spoilt folder("xlmr-xsmall-v1");
  const json identity = {{"activation_fn", "torch.nn.modules.linear.Identity"}};
  const json sigmoid = {{"activation_fn", "torch.nn.modules.activation.Sigmoid"}};
  make_cross_encoder(folder, identity);
  const Score score = score_of(folder.path());
  EXPECT_EQ(score.score, score.logit);
  folder.config("sentence_transformers", sigmoid);
  EXPECT_EQ(rerank::read_activation(folder.path()), rerank::Activation::kIdentity);
  make_cross_encoder(folder, {{"activation_fn", nullptr}});
  EXPECT_EQ(rerank::read_activation(folder.path()), rerank::Activation::kSigmoid);
  folder.config("sentence_transformers", identity);
  EXPECT_EQ(rerank::read_activation(folder.path()), rerank::Activation::kIdentity);
  make_cross_encoder(folder, {{"activation_fn", "torch.nn.modules.activation.Tanh"}});
  EXPECT_THAT(folder.message(), HasSubstr("config_sentence_transformers.json: activation_fn is "));
  std::filesystem::remove(folder.file("modules.json"));
  EXPECT_EQ(rerank::read_activation(folder.path()), rerank::Activation::kIdentity);
}

TEST(CrossEncoders, with_a_prompt_are_refused) {
  const Spoilt folder("xlmr-xsmall-v1");
  make_cross_encoder(folder,
                     {{"default_prompt_name", "query"}, {"prompts", {{"query", "検索: "}}}});
  const std::string expected =
      "config_sentence_transformers.json: default_prompt_name is \"query\"; supported: null";
  EXPECT_THAT(folder.message(), HasSubstr(expected));
  EXPECT_THAT(inspect(folder.path()).unsupported, testing::ElementsAre(HasSubstr(expected)));
  make_cross_encoder(folder, {{"default_prompt_name", "query"}, {"prompts", {{"query", ""}}}});
  EXPECT_THAT(folder.message(), IsEmpty());
}

TEST(Embedders, read_as_far_as_the_tokenizer_says_where_the_folder_names_no_length) {
  const Spoilt folder("embed-ruri-v3");
  std::string text;
  for (int i = 0; i < 400; ++i) text += "東京タワーは高い。";
  const std::string_view view = text;
  const ModelOptions two = {.threads = 2};
  write(folder, "sentence_bert_config.json", {{"max_seq_length", 1000}});
  const std::vector<float> expected = Embedder(folder.path(), two).embed({&view, 1});
  write(folder, "sentence_bert_config.json", {{"transformer_task", "feature-extraction"}});
  folder.edit("tokenizer_config.json", {{"model_max_length", 1000}});
  const Embedder embedder(folder.path(), two);
  EXPECT_EQ(embedder.max_length(), 1000);
  EXPECT_EQ(embedder.embed({&view, 1}), expected);
  EXPECT_EQ(Embedder(folder.path(), {.max_length = 16}).max_length(), 16);
  write(folder, "sentence_bert_config.json", {{"max_seq_length", nullptr}});
  folder.edit("tokenizer_config.json", {{"model_max_length", 1e30}});
  EXPECT_EQ(Embedder(folder.path()).max_length(), inspect(folder.path()).max_positions);
  folder.edit("tokenizer_config.json", {{"model_max_length", nullptr}});
  EXPECT_EQ(Embedder(folder.path()).max_length(), inspect(folder.path()).max_positions);
}

TEST(Embedders, have_settings_under_the_names_of_old_versions) {
  const Spoilt folder("embed-e5-base");
  std::filesystem::remove(folder.file("sentence_bert_config.json"));
  write(folder, "sentence_xlm-roberta_config.json", {{"max_seq_length", 16}});
  EXPECT_EQ(Embedder(folder.path()).max_length(), 16);
  write(folder, "sentence_roberta_config.json", {{"max_seq_length", 17}});
  EXPECT_EQ(Embedder(folder.path()).max_length(), 17);
}

TEST(Embedders, find_the_table_of_model2vec) {
  const Spoilt folder("embed-static");
  const std::string_view text = "東京タワーは高い";
  const std::vector<float> expected = Embedder(folder.path()).embed({&text, 1});
  const std::string weights = folder.file("model.safetensors");
  const auto rename = [&](const std::string& from, const std::string& to) {
    std::string bytes = base::read_file(weights);
    const std::size_t at = bytes.find('"' + from + '"');
    ASSERT_NE(at, std::string::npos);
    std::string name = '"' + to + '"';
    name.resize(from.size() + 2, ' ');  // white space of JSON
    bytes.replace(at, name.size(), name);
    std::ofstream(weights, std::ios::binary) << bytes;
  };
  rename("embedding.weight", "embeddings");
  EXPECT_EQ(Embedder(folder.path()).embed({&text, 1}), expected);
  EXPECT_THAT(inspect(folder.path()).unsupported, IsEmpty());
  rename("embeddings", "weights");
  EXPECT_THAT(folder.message<Embedder>(),
              HasSubstr("model.safetensors: holds the tensor weights, by which model2vec"));
}

TEST(Architectures, may_be_absent_or_of_pretraining) {
  for (const std::string name : {"bert-large-v1", "xlmr-xsmall-v1", "modernbert-tiny-v2"}) {
    const Spoilt folder(name);
    const ModelSummary before = inspect(folder.path());
    const Score expected = score_of(folder.path());
    folder.config("architectures", nullptr);
    const ModelSummary summary = inspect(folder.path());
    EXPECT_EQ(summary.architecture, before.architecture);
    EXPECT_EQ(summary.parameters, before.parameters);
    EXPECT_THAT(summary.unsupported, IsEmpty());
    EXPECT_EQ(score_of(folder.path()).logit, expected.logit);
  }
  const Spoilt folder("embed-e5-small");
  const std::string_view text = "東京タワー";
  const std::vector<float> expected = Embedder(folder.path()).embed({&text, 1});
  for (const json& value : {json(nullptr), json{"BertForPreTraining"}}) {
    folder.config("architectures", value);
    EXPECT_EQ(Embedder(folder.path()).embed({&text, 1}), expected) << value;
    EXPECT_THAT(folder.message(), HasSubstr("(this folder is no reranker)"));
  }
  folder.config("architectures", nullptr);
  folder.config("model_type", "luke");
  EXPECT_THAT(folder.message<Embedder>(), HasSubstr("model_type is \"luke\"; supported: bert, "));
}

TEST(Tokenizers, of_transformers_5_give_no_types_that_their_folder_does_not_name) {
  const Spoilt folder("bert-tokenizer-json");
  const auto types = [&] { return Tokenizer(folder.path()).encode_pair("空", "海", 8); };
  EXPECT_FALSE(types().token_type_ids.empty());
  for (const char* kept : {"BertTokenizer", "BertTokenizerFast", "PreTrainedTokenizerFast"}) {
    folder.edit("tokenizer_config.json", {{"tokenizer_class", kept}});
    EXPECT_FALSE(types().token_type_ids.empty()) << kept;
  }
  folder.edit("tokenizer_config.json", {{"tokenizer_class", "TokenizersBackend"}});
  EXPECT_TRUE(types().token_type_ids.empty());
  folder.edit("tokenizer_config.json",
              {{"model_input_names", {"input_ids", "token_type_ids", "attention_mask"}}});
  EXPECT_FALSE(types().token_type_ids.empty());
}

}  // namespace
}  // namespace narabi::golden
