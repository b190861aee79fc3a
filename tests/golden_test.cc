// Every golden folder against what transformers, tokenizers and sentence-transformers gave
// (tools/goldens makes the files): ids, logits, layers, scores, vectors.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "base/line_reader.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/temporary_folder.h"
#include "engine/scorer.h"
#include "golden_files.h"
#include "models/registry.h"
#include "narabi/embedder.h"
#include "narabi/inspect.h"
#include "narabi/reranker.h"

namespace narabi::golden {
namespace {

constexpr double kLogitTolerance = 1e-4;

// Encodings of a folder that the tests about scores run: all, and a spread of them under
// sanitizers, which make them thirty times slower and look for something else than the last digit.
#ifdef NARABI_SANITIZED
constexpr std::size_t kEveryNth = 40;
constexpr std::size_t kIdentityEncodings = 5, kSharedEncodings = 1;
constexpr std::array kThreads = {2};
constexpr std::array<std::size_t, 1> kBatches = {7};
#else
constexpr std::size_t kEveryNth = 1;
constexpr std::size_t kIdentityEncodings = 60, kSharedEncodings = 5;
constexpr std::array kThreads = {1, 2, 4};
constexpr std::array<std::size_t, 2> kBatches = {7, 100};
#endif

std::vector<Golden> some_goldens(const std::string& name) {
  const std::vector<Golden>& all = read_goldens(name);
  std::vector<Golden> some;
  for (std::size_t i = 0; i < all.size(); i += kEveryNth) some.push_back(all[i]);
  return some;
}

class GoldenReranker : public testing::TestWithParam<std::string> {
 protected:
  std::string folder() const { return root() + "/" + GetParam(); }
};

std::string printable(std::string name) {
  std::replace_if(
      name.begin(), name.end(),
      [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}

std::vector<Encoding> encodings_of(const std::vector<Golden>& goldens) {
  std::vector<Encoding> encodings;
  for (const Golden& golden : goldens) encodings.push_back(golden.encoding);
  return encodings;
}

TEST_P(GoldenReranker, gives_the_same_ids_types_and_flags) {
  const std::vector<GoldenPair> pairs = read_pairs();
  const Tokenizer tokenizer(folder());
  int different = 0, lines = 0;
  for (const Golden& golden : read_goldens(GetParam())) {
    const auto& [query, passage] = pairs[golden.pair];
    const Encoding encoding =
        tokenizer.encode_pair(query, passage, golden.max_length, golden.truncation);
    const bool same = encoding.input_ids == golden.encoding.input_ids &&
                      encoding.token_type_ids == golden.encoding.token_type_ids &&
                      encoding.truncated == golden.encoding.truncated;
    ++lines;
    if (same || ++different > 5) continue;
    ADD_FAILURE() << "pair " << golden.pair << " max_length " << golden.max_length << "\n query "
                  << query.substr(0, 60) << "\n passage " << passage.substr(0, 60) << "\n expected "
                  << testing::PrintToString(golden.encoding.input_ids).substr(0, 400)
                  << "\n found    " << testing::PrintToString(encoding.input_ids).substr(0, 400);
  }
  EXPECT_EQ(different, 0);
  EXPECT_GE(lines, 300);
}

// transformers makes the same tokenizer of vocab.txt alone (tools/tokenizers/run.sh diff compares
// it itself).
TEST(GoldenTokenizer, of_ordinary_bert_needs_vocab_txt_only) {
  const std::string source = root() + "/bert-tokenizer-json";
  const checkpoint::TemporaryFolder folder;
  const auto file = nlohmann::json::parse(base::read_file(source + "/tokenizer.json"));
  std::vector<std::string> tokens(file["model"]["vocab"].size());
  for (const auto& [token, id] : file["model"]["vocab"].items()) tokens.at(id) = token;
  std::ofstream vocabulary(folder.path() + "/vocab.txt");
  for (const std::string& token : tokens) vocabulary << token << "\n";
  vocabulary.close();
  const std::vector<GoldenPair> pairs = read_pairs();
  for (const char* config : {R"({"tokenizer_class":"BertTokenizer","do_lower_case":true})", "{}"}) {
    std::ofstream(folder.path() + "/tokenizer_config.json") << config;
    const Tokenizer tokenizer(folder.path());
    for (const Golden& golden : read_goldens("bert-tokenizer-json")) {
      const auto& [query, passage] = pairs[golden.pair];
      const Encoding encoding =
          tokenizer.encode_pair(query, passage, golden.max_length, golden.truncation);
      ASSERT_EQ(encoding.input_ids, golden.encoding.input_ids) << "pair " << golden.pair;
      ASSERT_EQ(encoding.token_type_ids, golden.encoding.token_type_ids);
    }
  }
}

TEST_P(GoldenReranker, gives_the_same_logits) {
  const std::vector<Golden> goldens = some_goldens(GetParam());
  const engine::Scorer scorer(folder(), {.threads = 2});
  const std::vector<float> logits = scorer.logits(encodings_of(goldens));
  double worst = 0;
  for (std::size_t i = 0; i < goldens.size(); ++i)
    worst = std::max(worst, std::abs(logits[i] - goldens[i].logit));
  std::printf("%-24s %zu pairs, max |logit - reference| = %.2g\n", GetParam().c_str(),
              goldens.size(), worst);
  EXPECT_LE(worst, kLogitTolerance);
}

TEST_P(GoldenReranker, is_bit_identical_in_any_batch_order_and_number_of_threads) {
  std::vector<Encoding> encodings = encodings_of(some_goldens(GetParam()));
  encodings.resize(std::min(encodings.size(), kIdentityEncodings));
  std::shuffle(encodings.begin(), encodings.end(), std::mt19937(3));
  // Other precisions take the same path; the prototype's test runs all three.
  const engine::Scorer alone(folder(), {.precision = Precision::kF32, .threads = 1});
  std::vector<float> expected;
  for (const Encoding& encoding : encodings) expected.push_back(alone.logits({&encoding, 1})[0]);
  for (const int threads : kThreads) {
    const engine::Scorer scorer(folder(), {.precision = Precision::kF32, .threads = threads});
    for (const std::size_t batch : kBatches) {
      std::vector<float> found;
      for (std::size_t begin = 0; begin < encodings.size(); begin += batch) {
        const std::size_t count = std::min(batch, encodings.size() - begin);
        const std::vector<float> part = scorer.logits(std::span(encodings).subspan(begin, count));
        found.insert(found.end(), part.begin(), part.end());
      }
      ASSERT_EQ(found, expected) << "threads " << threads << ", batch " << batch;
    }
  }
}

// Fewer pairs than workers: they share the rows of each.
TEST_P(GoldenReranker, shares_short_requests_between_threads_without_changing_a_bit) {
  std::vector<Encoding> encodings = encodings_of(some_goldens(GetParam()));
  encodings.resize(std::min(encodings.size(), kSharedEncodings));
  for (const auto precision : {Precision::kF32, Precision::kBf16, Precision::kInt8}) {
    const engine::Scorer alone(folder(), {.precision = precision, .threads = 1});
    const engine::Scorer together(folder(), {.precision = precision, .threads = 3});
    const std::vector<float> expected = alone.logits(encodings);
    EXPECT_EQ(together.logits(encodings), expected);
    for (std::size_t i = 0; i < encodings.size(); ++i)
      EXPECT_EQ(together.logits({&encodings[i], 1})[0], expected[i]);
  }
}

TEST_P(GoldenReranker, leaves_out_what_nobody_reads_without_changing_a_bit) {
  const std::vector<Golden> goldens = some_goldens(GetParam());
  models::Workspace workspace;
  for (const auto operand :
       {kernels::Operand::kF32, kernels::Operand::kBf16, kernels::Operand::kInt8}) {
    const models::LoadedModel model = models::load_reranker(folder(), {operand});
    const auto width = static_cast<std::size_t>(model.encoder->shape().hidden);
    std::vector<models::Sequence> batch;
    std::vector<std::vector<float>> alone;
    for (std::size_t i = 0; i < goldens.size(); i += goldens.size() / 5 + 1) {
      batch.push_back({goldens[i].encoding.input_ids, goldens[i].encoding.token_type_ids});
      const float* hidden =
          model.encoder->forward({&batch.back(), 1}, models::Wanted::kAll, workspace, nullptr)[0];
      alone.emplace_back(hidden, hidden + width);
    }
    const auto together = model.encoder->forward(batch, models::Wanted::kFirst, workspace, nullptr);
    for (std::size_t i = 0; i < batch.size(); ++i)
      EXPECT_EQ(std::vector<float>(together[i], together[i] + width), alone[i]);
  }
}

TEST_P(GoldenReranker, gives_the_scores_of_sentence_transformers) {
  const std::vector<GoldenPair> pairs = read_pairs();
  const Reranker reranker(folder(), {.threads = 2});
  for (const GoldenScore& golden : read_scores(GetParam())) {
    const Pair pair{pairs[golden.pair].query, pairs[golden.pair].passage};
    EXPECT_NEAR(reranker.score({&pair, 1})[0].score, golden.score, kLogitTolerance);
  }
}

TEST_P(GoldenReranker, gives_the_same_layers) {
  const std::string path = folder() + "/layers.safetensors";
  if (!std::filesystem::exists(path)) return;  // one folder of each architecture has them
  const checkpoint::Safetensors file(path);
  const models::LoadedModel model = models::load_reranker(folder(), {kernels::Operand::kF32});
  int compared = 0;
  for (const std::string index : {"0.", "1."}) {
    const auto read = [&](const std::string& name) {
      return checkpoint::to_f32(file.tensors().at(index + name), name);
    };
    const std::vector<float> ids = read("input_ids");
    const std::vector<std::int32_t> input_ids(ids.begin(), ids.end());
    std::vector<std::int32_t> types;
    if (file.tensors().contains(index + "token_type_ids")) {
      const std::vector<float> values = read("token_type_ids");
      types.assign(values.begin(), values.end());
    }
    models::Workspace workspace;
    const models::Probe probe = [&](std::string_view name, const float* values, std::size_t rows,
                                    std::size_t width) {
      if (!file.tensors().contains(index + std::string(name))) return;
      const std::vector<float> expected = read(std::string(name));
      ASSERT_EQ(expected.size(), rows * width) << name;
      double worst = 0;
      for (std::size_t i = 0; i < expected.size(); ++i)
        worst = std::max<double>(worst, std::abs(values[i] - expected[i]));
      EXPECT_LE(worst, 1e-4) << name;
      ++compared;
    };
    const models::Sequence sequence{input_ids, types};
    const float* hidden =
        model.encoder->forward({&sequence, 1}, models::Wanted::kAll, workspace, &probe)[0];
    EXPECT_NEAR(model.head->logit(hidden, input_ids.size(), &probe), read("logit")[0],
                kLogitTolerance);
  }
  EXPECT_GE(compared, 2 * (model.encoder->shape().layers + 1));
}

TEST_P(GoldenReranker, can_be_inspected) {
  const ModelSummary summary = inspect(folder());
  EXPECT_TRUE(summary.unsupported.empty()) << summary.unsupported[0];
  EXPECT_TRUE(summary.architecture.ends_with("ForSequenceClassification"));
  EXPECT_GT(summary.parameters, 0);
  EXPECT_FALSE(summary.tokenizer.empty());
}

INSTANTIATE_TEST_SUITE_P(Folders, GoldenReranker, testing::ValuesIn(rerankers()),
                         [](const auto& test) { return printable(test.param); });

class GoldenEmbedder : public testing::TestWithParam<std::string> {};

TEST_P(GoldenEmbedder, gives_the_same_vectors) {
  const Embedder embedder(root() + "/" + GetParam(), {.threads = 2});
  double worst = 0;
  for (const GoldenVector& golden : read_vectors(GetParam())) {
    const std::string_view text = golden.text;
    const std::vector<float> vector = embedder.embed({&text, 1}, golden.prompt);
    ASSERT_EQ(vector.size(), golden.vector.size());
    for (std::size_t i = 0; i < vector.size(); ++i)
      worst = std::max<double>(worst, std::abs(vector[i] - golden.vector[i]));
  }
  std::printf("%-24s max |component - reference| = %.2g\n", GetParam().c_str(), worst);
  EXPECT_LE(worst, 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Folders, GoldenEmbedder, testing::ValuesIn(embedders()),
                         [](const auto& test) { return printable(test.param); });

}  // namespace
}  // namespace narabi::golden
