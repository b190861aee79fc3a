// Every golden folder in packed int8 form: the ids of the compiled tokenizer, the logits beside
// those of int8 from the folder itself, and what becomes of damage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "base/line_reader.h"
#include "checkpoint/model_record.h"
#include "checkpoint/safetensors_writer.h"
#include "checkpoint/temporary_folder.h"
#include "engine/pack_folder.h"
#include "engine/scorer.h"
#include "golden_files.h"
#include "models/registry.h"
#include "narabi/embedder.h"
#include "narabi/error.h"
#include "narabi/inspect.h"
#include "narabi/reranker.h"

namespace narabi::golden {
namespace {

using testing::HasSubstr;

// A spread of the encodings; fewer under sanitizers, which look for something else than digits.
#ifdef NARABI_SANITIZED
constexpr std::size_t kEveryNth = 100;
#else
constexpr std::size_t kEveryNth = 50;
#endif

std::string printable(std::string name) {
  std::replace_if(
      name.begin(), name.end(),
      [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}

std::vector<Encoding> some_encodings(const std::string& name) {
  const std::vector<Golden>& goldens = read_goldens(name);
  std::vector<Encoding> encodings;
  for (std::size_t i = 0; i < goldens.size(); i += kEveryNth)
    encodings.push_back(goldens[i].encoding);
  return encodings;
}

std::size_t header_bytes(const std::string& safetensors) {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, safetensors.data(), sizeof bytes);
  return bytes;
}

class PackedReranker : public testing::TestWithParam<std::string> {
 protected:
  std::string source() const { return root() + "/" + GetParam(); }
  // Packed once for all tests.
  std::string packed() const {
    static std::map<std::string, checkpoint::TemporaryFolder> folders;
    const bool known = folders.contains(GetParam());
    const std::string path = folders[GetParam()].path();
    if (!known) engine::pack_folder(source(), path);
    return path;
  }
};

TEST_P(PackedReranker, gives_the_ids_of_the_reference) {
  const std::vector<GoldenPair> pairs = read_pairs();
  const Tokenizer tokenizer(packed());
  const bool compiled = std::filesystem::exists(packed() + "/tokenizer.narabi");
  EXPECT_EQ(compiled, GetParam() != "xlmr-spm-only");  // its library reads that one itself
  std::size_t different = 0, lines = 0;
  for (const Golden& golden : read_goldens(GetParam())) {
    const auto& [query, passage] = pairs[golden.pair];
    const Encoding encoding =
        tokenizer.encode_pair(query, passage, golden.max_length, golden.truncation);
    different += encoding.input_ids != golden.encoding.input_ids ||
                 encoding.token_type_ids != golden.encoding.token_type_ids ||
                 encoding.truncated != golden.encoding.truncated;
    ++lines;
  }
  EXPECT_EQ(different, 0u);
  EXPECT_GE(lines, 300u);
}

TEST_P(PackedReranker, needs_no_tokenizer_json_and_no_vocab_txt) {
  if (!std::filesystem::exists(packed() + "/tokenizer.narabi")) return;
  const Tokenizer whole(packed());
  const Encoding expected = whole.encode_pair("京都の寺", "古い寺院です。<s> 2024年", 64);
  const checkpoint::TemporaryFolder bare;
  for (const char* name :
       {"tokenizer.narabi", "tokenizer_config.json", "special_tokens_map.json"}) {
    const std::string file = packed() + "/" + name;
    if (std::filesystem::exists(file)) std::filesystem::copy(file, bare.path() + "/" + name);
  }
  const Tokenizer tokenizer(bare.path());
  EXPECT_EQ(tokenizer.encode_pair("京都の寺", "古い寺院です。<s> 2024年", 64).input_ids,
            expected.input_ids);
  EXPECT_EQ(tokenizer.vocabulary_size(), whole.vocabulary_size());
}

// A copy of a folder in f32 whose vocabulary has rows that int8 holds exactly: multiples of 2^-6,
// up to 127 of them.
void copy_with_exact_rows(const std::string& from, const std::string& to) {
  for (const auto& entry : std::filesystem::directory_iterator(from)) {
    const std::string name = entry.path().filename().string();
    if (name.find("safetensors") == std::string::npos)
      std::filesystem::copy(entry.path(), to + "/" + name);
  }
  const checkpoint::ModelFolder folder(from);
  std::deque<std::vector<float>> memory;
  std::vector<checkpoint::TensorToWrite> tensors;
  std::mt19937 random(5);
  for (const std::string& name : folder.tensor_names()) {
    const checkpoint::TensorView& tensor = *folder.find(name);
    const auto width = static_cast<std::size_t>(tensor.shape.back());
    std::vector<float>& values = memory.emplace_back(checkpoint::to_f32(tensor, name));
    if (name.ends_with("word_embeddings.weight") || name.ends_with("tok_embeddings.weight")) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        const int steps = i % width % 32 == 0 ? 127 : static_cast<int>(random() % 255) - 127;
        values[i] = static_cast<float>(steps) * 0x1p-6f;
      }
    }
    tensors.push_back(
        {name, checkpoint::DType::kF32, tensor.shape, std::as_bytes(std::span(values))});
  }
  checkpoint::write_safetensors(to + "/model.safetensors", tensors, {});
}

// Nothing else than the vocabulary's rows is rounded: where they are exact, so are the logits.
TEST_P(PackedReranker, gives_the_very_logits_of_int8_where_rows_are_exact) {
  const checkpoint::TemporaryFolder exact, packed_exact;
  copy_with_exact_rows(source(), exact.path());
  engine::pack_folder(exact.path(), packed_exact.path());
  const std::vector<Encoding> encodings = some_encodings(GetParam());
  const ModelOptions int8 = {.precision = Precision::kInt8, .threads = 2};
  EXPECT_EQ(engine::Scorer(packed_exact.path(), {.threads = 2}).logits(encodings),
            engine::Scorer(exact.path(), int8).logits(encodings));
}

// A layer in each precision in turn, so that an operand is made of what another wrote.
engine::LayerPrecisions mixture(const std::string& folder, std::array<Precision, 3> in_turn) {
  engine::LayerPrecisions layers;
  std::size_t place = 0;
  for (const models::LinearGroup& group : models::linear_groups(folder))
    layers[group.name] = in_turn[place++ % 3];
  return layers;
}

TEST_P(PackedReranker, gives_the_very_logits_of_a_mixture_of_precisions) {
  const checkpoint::TemporaryFolder exact;
  copy_with_exact_rows(source(), exact.path());
  const std::vector<Encoding> encodings = some_encodings(GetParam());
  const auto logits = [&](Precision precision, const engine::LayerPrecisions& own) {
    return engine::Scorer(exact.path(), {.precision = precision, .threads = 2}, own)
        .logits(encodings);
  };
  constexpr auto kF32 = Precision::kF32, kBf16 = Precision::kBf16, kInt8 = Precision::kInt8;
  const std::vector<float> f32 = logits(kF32, {}), int8 = logits(kInt8, {});
  const auto distance = [&](const std::vector<float>& other) {
    double sum = 0;
    for (std::size_t i = 0; i < f32.size(); ++i) sum += std::abs(other[i] - f32[i]);
    return sum;
  };
  for (const std::array<Precision, 3>& in_turn :
       {std::array{kF32, kInt8, kBf16}, std::array{kF32, kBf16, kInt8}}) {
    const engine::LayerPrecisions layers = mixture(source(), in_turn);
    const checkpoint::TemporaryFolder packed_exact;
    engine::pack_folder(exact.path(), packed_exact.path(), layers);
    const std::vector<float> mixed = logits(kInt8, layers);
    EXPECT_EQ(engine::Scorer(packed_exact.path(), {.threads = 2}).logits(encodings), mixed);
    EXPECT_EQ(logits(kBf16, layers), mixed);  // none is left to the rest
    EXPECT_GT(distance(mixed), 0);
    EXPECT_LT(distance(mixed), 4 * distance(int8));  // of random weights neither is exact
  }
}

TEST_P(PackedReranker, is_described_by_inspect) {
  const ModelSummary before = inspect(source()), after = inspect(packed());
  EXPECT_THAT(after.unsupported, testing::IsEmpty());
  EXPECT_THAT(after.extra_tensors, testing::IsEmpty());
  EXPECT_EQ(after.parameters, before.parameters);
  EXPECT_THAT(after.stored_as, HasSubstr("i8"));
  ASSERT_EQ(after.memory_bytes.size(), 1u);
  EXPECT_EQ(after.memory_bytes[0].first, "int8");
}

INSTANTIATE_TEST_SUITE_P(Folders, PackedReranker, testing::ValuesIn(rerankers()),
                         [](const auto& test) { return printable(test.param); });

class PackedEmbedder : public testing::TestWithParam<std::string> {};

TEST_P(PackedEmbedder, gives_the_vectors_of_int8) {
  const std::string source = root() + "/" + GetParam();
  const checkpoint::TemporaryFolder folder;
  engine::pack_folder(source, folder.path());
  const Embedder before(source, {.precision = Precision::kInt8, .threads = 2}),
      after(folder.path(), {.threads = 2});
  std::size_t compared = 0;
  for (const GoldenVector& golden : read_vectors(GetParam())) {
    if (compared++ % kEveryNth != 0 || golden.text.empty()) continue;
    const std::string_view text = golden.text;
    const std::vector<float> a = before.embed({&text, 1}, golden.prompt),
                             b = after.embed({&text, 1}, golden.prompt);
    double product = 0;
    for (std::size_t i = 0; i < a.size(); ++i) product += static_cast<double>(a[i]) * b[i];
    EXPECT_GE(product, 0.98) << golden.text;
  }
  EXPECT_GT(compared, 0u);
}

std::vector<std::string> encoders() {
  std::vector<std::string> names = embedders();
  std::erase(names, "embed-static");  // a table alone: nothing to multiply
  return names;
}

INSTANTIATE_TEST_SUITE_P(Folders, PackedEmbedder, testing::ValuesIn(encoders()),
                         [](const auto& test) { return printable(test.param); });

// A packed folder whose files a test may change.
class DamagedFolder : public testing::Test {
 protected:
  DamagedFolder() {
    engine::pack_folder(root() + "/modernbert-tiny-v2", folder_.path());
    weights_ = base::read_file(path("model.safetensors"));
    record_ = nlohmann::json::parse(base::read_file(path("narabi.json")));
  }
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary) << content;
  }
  // As a folder that was written so: its stamp is that of the file.
  void write_stamped(const std::string& weights) const {
    write("model.safetensors", weights);
    checkpoint::ModelRecord record(folder_.path());
    record.set_stamp(path("model.safetensors"), path("config.json"));
    record.write(folder_.path());
  }
  std::string message() const {
    try {
      const Reranker reranker(folder_.path(), {.threads = 1});
      const Pair pair{"京都の寺", "古い寺院です。"};
      reranker.score({&pair, 1});
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  }
  // The weights with `from` of the header replaced by `to`, of the same length.
  std::string with(const std::string& from, const std::string& to) const {
    std::string changed = weights_;
    const std::size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    EXPECT_EQ(from.size(), to.size());
    return changed.replace(at, from.size(), to);
  }

  checkpoint::TemporaryFolder folder_;
  std::string weights_;
  nlohmann::json record_;
};

TEST_F(DamagedFolder, is_whole_at_first) {
  EXPECT_EQ(message(), "");
}

TEST_F(DamagedFolder, is_refused_where_the_stamp_does_not_fit) {
  const auto refused = [&](const char* key, const nlohmann::json& value, const char* expected) {
    nlohmann::json changed = record_;
    changed["packed"][key] = value;
    write("narabi.json", changed.dump());
    EXPECT_THAT(message(), HasSubstr(std::string("narabi.json: packed.") + key)) << key;
    EXPECT_THAT(message(), HasSubstr(expected)) << key;
  };
  refused("version", 2, "is 2; supported: 1");
  refused("version", "1", "expected");
  refused("version", nullptr, "expected");
  refused("layout", "int8-groups8", "supported: int8-groups4-columns32");
  refused("precision", "int4", "supported: int8");
  refused("weights", 7, "expected");
  nlohmann::json changed = record_;
  changed["packed"]["weights"] = "xxh3:0000000000000000";
  write("narabi.json", changed.dump());
  EXPECT_THAT(message(), HasSubstr("model.safetensors: checksum: expected xxh3:0000000000000000"));
  std::filesystem::remove(path("narabi.json"));
  EXPECT_THAT(message(), HasSubstr("narabi.json: packed: expected the stamp"));
}

TEST_F(DamagedFolder, is_refused_where_a_byte_of_the_weights_is_another) {
  const std::size_t step = weights_.size() / 20;
  for (std::size_t at = 0; at < weights_.size(); at += step) {
    std::string changed = weights_;
    changed[at] = static_cast<char>(changed[at] ^ 0x20);
    write("model.safetensors", changed);
    EXPECT_THAT(message(), HasSubstr(folder_.path())) << at;
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{2000},
                                 weights_.size() / 2, weights_.size() - 1}) {
    write("model.safetensors", weights_.substr(0, size));
    EXPECT_THAT(message(), HasSubstr("model.safetensors")) << size;
  }
}

TEST_F(DamagedFolder, is_refused_where_a_packed_tensor_does_not_fit_config_json) {
  const std::string p = "packed.model.";
  const auto refused = [&](const std::string& from, const std::string& to,
                           const std::string& expected) {
    write_stamped(with(from, to));
    EXPECT_THAT(message(), HasSubstr(expected)) << from;
  };
  const std::string query = p + "layers.0.attn.Wqkv.part.query";
  refused(query + "\"", p + "layers.0.attn.Wqkv.part.querx\"", query + ": expected");
  refused(query + ".scales", query + ".scalex", query + ".scales: expected f32 [3, ");
  refused(p + "embeddings.tok_embeddings\"", p + "embeddings.tok_embeddingx\"",
          "embeddings.tok_embeddings");
  refused(p + "embeddings.tok_embeddings.scales", p + "embeddings.tok_embeddings.scalex",
          "embeddings.tok_embeddings.scales: expected bf16 [");
  refused("\"model.final_norm.weight\"", "\"model.final_norm.weighx\"", "model.final_norm.weigh");
}

TEST_F(DamagedFolder, is_refused_where_config_json_is_anothers) {
  nlohmann::json config = nlohmann::json::parse(base::read_file(path("config.json")));
  config["intermediate_size"] = config["intermediate_size"].get<int>() * 2;
  write("config.json", config.dump());
  EXPECT_THAT(message(), testing::AllOf(HasSubstr("packed.model.layers.0.mlp.Wi: expected i8 ["),
                                        HasSubstr("found i8 [")));
}

TEST_F(DamagedFolder, is_refused_where_a_scale_is_no_number) {
  const float nan = std::nanf("");
  const std::size_t begin = 8 + header_bytes(weights_);
  const auto header = nlohmann::json::parse(weights_.substr(8, begin - 8));
  std::size_t scales = 0;
  for (const auto& [name, entry] : header.items()) {
    if (!name.ends_with(".scales")) continue;
    std::string changed = weights_;
    std::memcpy(changed.data() + begin + entry["data_offsets"][0].get<std::size_t>(), &nan, 4);
    write_stamped(changed);
    EXPECT_THAT(message(), HasSubstr("tensor " + name + ": expected finite values, found NaN"));
    ++scales;
  }
  EXPECT_EQ(scales, 3u * 6 + 1);  // layers of query, key, value, output, up, down; rows
}

TEST_F(DamagedFolder, takes_f32_and_bf16_from_its_source_only) {
  for (const Precision precision : {Precision::kF32, Precision::kBf16}) {
    EXPECT_THROW(Reranker(folder_.path(), {.precision = precision, .threads = 1}), Unsupported);
  }
  EXPECT_THROW(engine::pack_folder(folder_.path(), folder_.path() + "/again"), Unsupported);
  EXPECT_THROW(engine::pack_folder(folder_.path(), folder_.path()), InvalidArgument);
}

TEST_F(DamagedFolder, whose_gate_does_not_hold_is_taken_only_when_int8_is_asked_for) {
  checkpoint::ModelRecord record(folder_.path());
  record.set_gate("int8", {.held = false, .kendall_tau = 0.5, .ndcg_change = 0.1, .pairs = 10});
  record.write(folder_.path());
  EXPECT_THAT(message(), HasSubstr("precision.int8.held is false"));
  EXPECT_NO_THROW(Reranker(folder_.path(), {.precision = Precision::kInt8, .threads = 1}));
}

}  // namespace
}  // namespace narabi::golden
