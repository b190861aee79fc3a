#include "train/post_norm.h"

#include "train/fused_attention.h"

namespace narabi::train {
namespace {

using PostNormConfig = models::bert::Config;
using torch::Tensor;

const char* prefix_of(PostNormKind kind) {
  return kind == PostNormKind::kBert ? "bert." : "roberta.";
}

std::string layer_prefix(PostNormKind kind, int layer) {
  return prefix_of(kind) + ("encoder.layer." + std::to_string(layer)) + ".";
}

void add_layer(std::vector<ParameterSpec>& specs, const std::string& prefix,
               const PostNormConfig& config) {
  const std::int64_t h = config.layer.hidden, f = config.layer.intermediate;
  for (const char* part : {"query", "key", "value"})
    add_linear(specs, prefix + "attention.self." + part, h, h, true);
  add_linear(specs, prefix + "attention.output.dense", h, h, true);
  add_norm(specs, prefix + "attention.output.LayerNorm", h, true);
  add_linear(specs, prefix + "intermediate.dense", f, h, true);
  add_linear(specs, prefix + "output.dense", h, f, true);
  add_norm(specs, prefix + "output.LayerNorm", h, true);
}

void add_heads(std::vector<ParameterSpec>& specs, const PostNormConfig& config, PostNormKind kind,
               Task task) {
  const std::int64_t h = config.layer.hidden;
  if (task == Task::kMaskedLm) {
    const bool bert = kind == PostNormKind::kBert;
    add_linear(specs, bert ? "cls.predictions.transform.dense" : "lm_head.dense", h, h, true);
    add_norm(specs, bert ? "cls.predictions.transform.LayerNorm" : "lm_head.layer_norm", h, true);
    specs.push_back(
        {bert ? "cls.predictions.bias" : "lm_head.bias", {config.vocabulary}, Init::kZeros, false});
  } else if (kind == PostNormKind::kBert) {
    add_linear(specs, "bert.pooler.dense", h, h, true);
    add_linear(specs, "classifier", 1, h, true);
  } else {
    add_linear(specs, "classifier.dense", h, h, true);
    add_linear(specs, "classifier.out_proj", 1, h, true);
  }
}

std::vector<ParameterSpec> specs_of(const PostNormConfig& config, PostNormKind kind, Task task) {
  const std::string p = prefix_of(kind);
  const std::int64_t h = config.layer.hidden;
  std::vector<ParameterSpec> specs = {
      {p + "embeddings.word_embeddings.weight", {config.vocabulary, h}},
      {p + "embeddings.position_embeddings.weight", {config.positions, h}},
      {p + "embeddings.token_type_embeddings.weight", {config.token_types, h}}};
  add_norm(specs, p + "embeddings.LayerNorm", h, true);
  for (int layer = 0; layer < config.layers; ++layer)
    add_layer(specs, layer_prefix(kind, layer), config);
  add_heads(specs, config, kind, task);
  return specs;
}

std::string architecture_of(PostNormKind kind, Task task) {
  return std::string(kind == PostNormKind::kBert ? "Bert" : "XLMRoberta") +
         (task == Task::kRerank ? "ForSequenceClassification" : "ForMaskedLM");
}

}  // namespace

PostNorm::PostNorm(const PostNormConfig& config, PostNormKind kind, std::int64_t padding, Task task)
    : Model(specs_of(config, kind, task), architecture_of(kind, task), prefix_of(kind),
            {"bert.pooler.", "classifier.", "cls.", "lm_head."}),
      config_(config),
      kind_(kind),
      first_position_(kind == PostNormKind::kXlmRoberta ? padding + 1 : 0) {}

// LN(word + type + position), [N, H]
Tensor PostNorm::embed(const PackedBatch& batch) const {
  const std::string p = std::string(prefix_of(kind_)) + "embeddings.";
  const Tensor x =
      torch::embedding(parameters_.at(p + "word_embeddings.weight"), batch.input_ids) +
      torch::embedding(parameters_.at(p + "token_type_embeddings.weight"), batch.token_type_ids) +
      torch::embedding(parameters_.at(p + "position_embeddings.weight"),
                       batch.positions + first_position_);
  return layer_norm(parameters_, p + "LayerNorm", x, config_.layer.layer_norm_eps);
}

Tensor PostNorm::hidden(const PackedBatch& batch, const ForwardOptions& options) const {
  Tensor x = dropout(embed(batch), options);
  for (int number = 0; number < config_.layers; ++number) x = layer(number, x, batch, options);
  return x;
}

// x = LN(x + attention(x)); x = LN(x + output(gelu(intermediate(x))))
Tensor PostNorm::layer(int number, const Tensor& x, const PackedBatch& batch,
                       const ForwardOptions& options) const {
  const std::string p = layer_prefix(kind_, number);
  const double epsilon = config_.layer.layer_norm_eps;
  const auto heads = [&](const char* part) {  // [N, A, D]
    return linear(parameters_, p + "attention.self." + part, x, options)
        .view({-1, config_.layer.heads, config_.layer.hidden / config_.layer.heads});
  };
  const Tensor query = heads("query"), key = heads("key"), value = heads("value");
  const Tensor context =
      can_fuse_attention(query, batch)
          ? fused_attention(torch::stack({query, key, value}, 1), batch, std::nullopt, std::nullopt)
          : attention(query, key, value, batch, std::nullopt);
  const Tensor attended = linear(parameters_, p + "attention.output.dense", context, options);
  const Tensor middle = layer_norm(parameters_, p + "attention.output.LayerNorm",
                                   x + dropout(attended, options), epsilon);
  const Tensor wide = torch::gelu(linear(parameters_, p + "intermediate.dense", middle, options));
  const Tensor narrow = linear(parameters_, p + "output.dense", wide, options);
  return layer_norm(parameters_, p + "output.LayerNorm", middle + dropout(narrow, options),
                    epsilon);
}

Tensor PostNorm::logits(const Tensor& hidden, const PackedBatch& batch,
                        const ForwardOptions& options) const {
  const bool bert = kind_ == PostNormKind::kBert;
  const Tensor pooled = hidden.index_select(0, batch.first);  // [S, H]
  const Tensor dense =
      torch::tanh(linear(parameters_, bert ? "bert.pooler.dense" : "classifier.dense", pooled, {}));
  return linear(parameters_, bert ? "classifier" : "classifier.out_proj", dropout(dense, options),
                {})
      .squeeze(1);
}

Tensor PostNorm::vocabulary_logits(const Tensor& rows, const ForwardOptions& options) const {
  const bool bert = kind_ == PostNormKind::kBert;
  const Tensor dense = torch::gelu(linear(
      parameters_, bert ? "cls.predictions.transform.dense" : "lm_head.dense", rows, options));
  const Tensor x =
      layer_norm(parameters_, bert ? "cls.predictions.transform.LayerNorm" : "lm_head.layer_norm",
                 dense, config_.layer.layer_norm_eps);
  const Tensor& words =
      parameters_.at(std::string(prefix_of(kind_)) + "embeddings.word_embeddings.weight");
  const auto type = options.bf16 ? torch::kBFloat16 : torch::kFloat32;
  return torch::linear(x.to(type), words.to(type),
                       parameters_.at(bert ? "cls.predictions.bias" : "lm_head.bias").to(type));
}

}  // namespace narabi::train
