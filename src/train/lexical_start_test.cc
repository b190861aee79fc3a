#include "train/lexical_start.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/line_reader.h"
#include "base/utf8.h"
#include "narabi/error.h"
#include "train/model.h"

namespace narabi::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kSource = NARABI_SOURCE_DIR;
const std::string kTokenizer = kSource + "/tests/golden/modernbert-xsmall-v2";  // 3,000 pieces
constexpr std::size_t kPassages = 400;

class LexicalStart : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("narabi-lexical-start-" + std::to_string(getpid()));
    fs::create_directories(folder_);
    base::LineReader reader(kSource + "/data/kyoto/kyoto-sample.jsonl.xz");
    std::ofstream texts(texts_path());
    for (std::string line; passages_.size() < kPassages && reader.next(line);) {
      const std::string text = json::parse(line).at("text").get<std::string>();
      if (text.size() < 600 || text.find('\n') != std::string::npos) continue;
      passages_.push_back(text);
      texts << text << '\n';
    }
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string texts_path() const { return folder_ / "texts.txt"; }

  // config.json of a model of this many layers, `changes` on top.
  std::string write_config(int layers, const json& changes = json::object()) const {
    std::ifstream file(kTokenizer + "/config.json");
    json config = json::parse(file);
    config.erase("rope_parameters");
    config.update({{"hidden_size", 256},
                   {"intermediate_size", 64},
                   {"num_attention_heads", 4},
                   {"num_hidden_layers", layers},
                   {"global_rope_theta", 1e7},
                   {"local_rope_theta", 1e7},
                   {"global_attn_every_n_layers", 1},
                   {"layer_types",
                    std::vector<std::string>(static_cast<std::size_t>(layers), "full_attention")}});
    config.update(changes);
    const std::string path = folder_ / "config.json";
    std::ofstream(path) << config.dump(1);
    return path;
  }

  std::unique_ptr<Model> start(const std::string& config_path) const {
    const checkpoint::ConfigFile config(config_path);
    auto model = make_model(config, Task::kRerank);
    model->parameters().initialise(0.02, 3);
    start_lexical(model->parameters(), config, kTokenizer, {texts_path()}, 3);
    return model;
  }

  std::string error_of(const json& changes) const {
    try {
      start(write_config(4, changes));
    } catch (const Unsupported& error) {
      return error.what();
    }
    return "none";
  }

  // How often the passage that a phrase was taken from has the highest logit among 8.
  double hit_rate(const Model& model) const {
    const torch::NoGradGuard no_grad;
    const Tokenizer tokenizer(kTokenizer);
    const std::size_t queries = 25;
    std::size_t hits = 0;
    for (std::size_t q = 0; q < queries; ++q) {
      std::vector<Encoding> pairs;
      for (std::size_t i = 0; i < 8; ++i) {
        const std::string& passage = passages_[(q + 41 * i) % kPassages];
        pairs.push_back(
            tokenizer.encode_pair(phrase_of(passages_[q]), passage, 160, Truncation::kOnlySecond));
      }
      const PackedBatch batch = pack(pairs);
      const torch::Tensor logits = model.logits(model.hidden(batch, {}), batch, {});
      hits += logits.argmax().item<std::int64_t>() == 0 ? 1 : 0;
    }
    return static_cast<double>(hits) / static_cast<double>(queries);
  }

  // 20 characters from the 30th on
  static std::string phrase_of(const std::string& passage) {
    std::size_t begin = 0, end = 0;
    for (int i = 0; i < 50; ++i) {
      base::next_code_point(passage, end);
      if (i == 29) begin = end;
    }
    return passage.substr(begin, end - begin);
  }

  fs::path folder_;
  std::vector<std::string> passages_;
};

TEST_F(LexicalStart, ranks_the_passage_that_holds_the_words_before_any_step) {
  ASSERT_EQ(passages_.size(), kPassages);
  for (const int layers : {3, 4}) {
    const double rate = hit_rate(*start(write_config(layers)));
    EXPECT_GT(rate, 0.8) << layers << " layers; chance is .125";
  }
}

TEST_F(LexicalStart, gives_the_same_weights_for_the_same_seed) {
  const auto one = start(write_config(4)), other = start(write_config(4));
  for (std::size_t i = 0; i < one->parameters().tensors().size(); ++i)
    EXPECT_TRUE(one->parameters().tensors()[i].equal(other->parameters().tensors()[i]))
        << one->parameters().specs()[i].name;
}

TEST_F(LexicalStart, names_what_a_model_lacks) {
  EXPECT_NE(
      error_of({{"num_hidden_layers", 2}, {"layer_types", {"full_attention", "full_attention"}}})
          .find(
              "config.json: model.init lexical: expected num_hidden_layers of 3 or more, found 2"),
      std::string::npos);
  EXPECT_NE(error_of({{"hidden_size", 128}})
                .find("expected hidden_size of 64 for each of 4 heads, found 128"),
            std::string::npos);
  EXPECT_NE(error_of({{"global_rope_theta", 10000}}).find("expected rope_theta"),
            std::string::npos);
}

}  // namespace
}  // namespace narabi::train
