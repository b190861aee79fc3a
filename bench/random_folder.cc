// Writes a model folder with the architecture and the shapes of a published reranker and random
// weights: what `make bench` loads. Enough for speed and memory, not for quality.
//
//   random_folder NAME FOLDER     NAME: xsmall-v1, small-v1, base-v1, tiny-v2, xsmall-v2, small-v2,
//   base-v2
//
// The tokenizer is the starter model's Unigram vocabulary, filled up with pieces that no text
// holds.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <vector>

namespace {

using nlohmann::json;

struct Shape {
  const char* family;
  int layers, hidden, intermediate, heads, vocabulary;
};

const std::map<std::string, Shape> kShapes = {
    {"xsmall-v1", {"xlm-roberta", 6, 384, 1536, 12, 250002}},
    {"small-v1", {"xlm-roberta", 12, 384, 1536, 12, 250002}},
    {"base-v1", {"bert", 12, 768, 3072, 12, 32768}},
    {"tiny-v2", {"modernbert", 3, 256, 1024, 4, 102400}},
    {"xsmall-v2", {"modernbert", 10, 256, 1024, 4, 102400}},
    {"small-v2", {"modernbert", 13, 384, 1536, 6, 102400}},
    {"base-v2", {"modernbert", 19, 512, 2048, 8, 102400}}};

using Tensors = std::vector<std::pair<std::string, std::vector<long>>>;

void add_linear(Tensors& tensors, const std::string& name, long out, long in, bool bias = true) {
  tensors.push_back({name + ".weight", {out, in}});
  if (bias) tensors.push_back({name + ".bias", {out}});
}

Tensors post_norm_tensors(const Shape& shape, const std::string& prefix, long positions,
                          long types) {
  const long h = shape.hidden, f = shape.intermediate;
  Tensors tensors = {{prefix + "embeddings.word_embeddings.weight", {shape.vocabulary, h}},
                     {prefix + "embeddings.position_embeddings.weight", {positions, h}},
                     {prefix + "embeddings.token_type_embeddings.weight", {types, h}},
                     {prefix + "embeddings.LayerNorm.weight", {h}},
                     {prefix + "embeddings.LayerNorm.bias", {h}}};
  for (int layer = 0; layer < shape.layers; ++layer) {
    const std::string p = prefix + "encoder.layer." + std::to_string(layer) + ".";
    for (const char* part : {"query", "key", "value"})
      add_linear(tensors, p + "attention.self." + part, h, h);
    add_linear(tensors, p + "attention.output.dense", h, h);
    add_linear(tensors, p + "intermediate.dense", f, h);
    add_linear(tensors, p + "output.dense", h, f);
    for (const char* norm : {"attention.output.LayerNorm", "output.LayerNorm"}) {
      tensors.push_back({p + norm + ".weight", {h}});
      tensors.push_back({p + norm + ".bias", {h}});
    }
  }
  return tensors;
}

Tensors tensors_of(const Shape& shape) {
  const long h = shape.hidden, f = shape.intermediate;
  const std::string family = shape.family;
  if (family == "xlm-roberta") {
    Tensors tensors = post_norm_tensors(shape, "roberta.", 514, 1);
    add_linear(tensors, "classifier.dense", h, h);
    add_linear(tensors, "classifier.out_proj", 1, h);
    return tensors;
  }
  if (family == "bert") {
    Tensors tensors = post_norm_tensors(shape, "bert.", 512, 2);
    add_linear(tensors, "bert.pooler.dense", h, h);
    add_linear(tensors, "classifier", 1, h);
    return tensors;
  }
  Tensors tensors = {{"model.embeddings.tok_embeddings.weight", {shape.vocabulary, h}},
                     {"model.embeddings.norm.weight", {h}}};
  for (int layer = 0; layer < shape.layers; ++layer) {
    const std::string p = "model.layers." + std::to_string(layer) + ".";
    if (layer > 0) tensors.push_back({p + "attn_norm.weight", {h}});
    add_linear(tensors, p + "attn.Wqkv", 3 * h, h, false);
    add_linear(tensors, p + "attn.Wo", h, h, false);
    tensors.push_back({p + "mlp_norm.weight", {h}});
    add_linear(tensors, p + "mlp.Wi", 2 * f, h, false);
    add_linear(tensors, p + "mlp.Wo", h, f, false);
  }
  tensors.push_back({"model.final_norm.weight", {h}});
  add_linear(tensors, "head.dense", h, h, false);
  tensors.push_back({"head.norm.weight", {h}});
  add_linear(tensors, "classifier", 1, h);
  return tensors;
}

// Weights scaled as trained ones: activations keep their size, attention and logits spread.
std::pair<float, float> distribution_of(const std::string& name, const std::vector<long>& shape) {
  const auto has = [&](const char* part) { return name.find(part) != std::string::npos; };
  if (has("orm.weight")) return {1.0f, 0.2f};
  if (shape.size() == 1) return {0.0f, 0.1f};
  if (has("word_embeddings") || has("tok_embeddings")) return {0.0f, 0.5f};
  if (has("embeddings")) return {0.0f, 0.2f};
  const float gain = has("query") || has("key") || has("Wqkv") ? 1.6f : 1.0f;
  return {0.0f, gain / std::sqrt(static_cast<float>(shape[1]))};
}

void write_weights(const std::filesystem::path& path, const Tensors& tensors) {
  json header;
  std::size_t offset = 0;
  for (const auto& [name, shape] : tensors) {
    std::size_t bytes = sizeof(float);
    for (const long extent : shape) bytes *= static_cast<std::size_t>(extent);
    header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const auto length = static_cast<std::uint64_t>(text.size());
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << text;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> noise(65537);  // a prime, so that no two rows of a matrix repeat each other
  for (float& value : noise) value = normal(random);
  std::size_t at = 0;
  std::vector<float> values;
  for (const auto& [name, shape] : tensors) {
    std::size_t count = 1;
    for (const long extent : shape) count *= static_cast<std::size_t>(extent);
    const auto [mean, spread] = distribution_of(name, shape);
    values.resize(count);
    for (float& value : values) {
      value = mean + spread * noise[at];
      at = at + 1 == noise.size() ? 0 : at + 1;
    }
    file.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(count * sizeof(float)));
  }
}

json config_of(const Shape& shape) {
  const std::string family = shape.family;
  json config = {{"model_type", family},
                 {"vocab_size", shape.vocabulary},
                 {"hidden_size", shape.hidden},
                 {"num_hidden_layers", shape.layers},
                 {"num_attention_heads", shape.heads},
                 {"intermediate_size", shape.intermediate},
                 {"id2label", {{"0", "LABEL_0"}}}};
  if (family == "modernbert") {
    config.update({{"architectures", {"ModernBertForSequenceClassification"}},
                   {"max_position_embeddings", 8192},
                   {"norm_eps", 1e-5},
                   {"local_attention", 128},
                   {"global_attn_every_n_layers", 3},
                   {"global_rope_theta", 160000.0},
                   {"local_rope_theta", 10000.0},
                   {"classifier_pooling", "cls"}});
    return config;
  }
  const bool bert = family == "bert";
  config.update({{"architectures",
                  {bert ? "BertForSequenceClassification" : "XLMRobertaForSequenceClassification"}},
                 {"max_position_embeddings", bert ? 512 : 514},
                 {"type_vocab_size", bert ? 2 : 1},
                 {"layer_norm_eps", bert ? 1e-12 : 1e-5},
                 {"pad_token_id", bert ? 0 : 1},
                 {"hidden_act", "gelu"}});
  return config;
}

void write_tokenizer(const std::filesystem::path& folder, int vocabulary) {
  std::ifstream source(NARABI_SOURCE_DIR "/models/prototype-modernbert-6l/tokenizer.json");
  json tokenizer = json::parse(source);
  json& pieces = tokenizer["model"]["vocab"];
  while (pieces.size() < static_cast<std::size_t>(vocabulary)) {
    pieces.push_back({"\u2603" + std::to_string(pieces.size()), -20.0});
  }
  std::ofstream(folder / "tokenizer.json") << tokenizer.dump();
  std::ofstream(folder / "tokenizer_config.json") << json{
      {"model_max_length", 512},
      {"model_input_names",
       {"input_ids", "attention_mask"}}}.dump();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || !kShapes.contains(argv[1])) {
    std::fprintf(stderr,
                 "usage: random_folder "
                 "xsmall-v1|small-v1|base-v1|tiny-v2|xsmall-v2|small-v2|base-v2 FOLDER\n");
    return 2;
  }
  const Shape& shape = kShapes.at(argv[1]);
  const std::filesystem::path folder = argv[2];
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "config.json") << config_of(shape).dump(2);
  write_tokenizer(folder, shape.vocabulary);
  write_weights(folder / "model.safetensors.partial", tensors_of(shape));
  std::filesystem::rename(folder / "model.safetensors.partial", folder / "model.safetensors");
  return 0;
}
