#include "models/registry.h"

#include <functional>

#include "models/bert/encoder.h"
#include "models/dense_head.h"
#include "models/layer_weights.h"
#include "models/modernbert/encoder.h"
#include "models/xlm_roberta/encoder.h"
#include "narabi/error.h"

namespace narabi::models {
namespace {

using checkpoint::ConfigFile;
using checkpoint::ModelFolder;
using checkpoint::TensorSpec;
using checkpoint::TensorTable;

// What an architecture makes of a config.json.
struct Plan {
  EncoderShape shape;
  std::string pooling;
  std::vector<TensorSpec> encoder_tensors, head_tensors;
  std::vector<std::string> owned;  // prefixes below which no other tensor may be
  std::function<std::unique_ptr<Encoder>(const WeightLoader&)> make_encoder;
  std::function<std::unique_ptr<Head>(const TensorTable&)> make_head;
};

// The prefix under which the encoder's tensors lie: a bare encoder has none.
std::string find_prefix(const ModelFolder& folder, const std::string& prefix,
                        const std::string& key) {
  return folder.find(prefix + key) == nullptr && folder.find(key) != nullptr ? "" : prefix;
}

Plan plan_bert_layers(const ModelFolder& folder, const std::string& name, bert::PositionRule rule) {
  const bert::Config config = bert::read_config(folder.config());
  const std::string prefix = find_prefix(folder, name, "embeddings.word_embeddings.weight");
  Plan plan;
  plan.pooling = "cls";
  plan.encoder_tensors = bert::Encoder::tensors(prefix, config);
  plan.owned = {prefix + "embeddings.", prefix + "encoder."};
  plan.make_encoder = [=](const WeightLoader& loader) {
    return std::make_unique<bert::Encoder>(loader, prefix, config, rule);
  };
  plan.shape = {.layers = config.layers,
                .hidden = config.layer.hidden,
                .intermediate = config.layer.intermediate,
                .heads = config.layer.heads,
                .vocabulary = config.vocabulary,
                .max_tokens = config.positions - (rule.padding + 1),
                .token_types = config.token_types};
  return plan;
}

Plan plan_bert(const ModelFolder& folder) {
  Plan plan = plan_bert_layers(folder, "bert.", {});
  plan.head_tensors = bert::Head::tensors(bert::read_config(folder.config()));
  plan.make_head = [](const TensorTable& tensors) { return std::make_unique<bert::Head>(tensors); };
  return plan;
}

Plan plan_xlm_roberta(const ModelFolder& folder) {
  Plan plan =
      plan_bert_layers(folder, "roberta.", xlm_roberta::read_position_rule(folder.config()));
  plan.head_tensors = xlm_roberta::Head::tensors(bert::read_config(folder.config()));
  plan.make_head = [](const TensorTable& tensors) {
    return std::make_unique<xlm_roberta::Head>(tensors);
  };
  return plan;
}

Plan plan_modernbert(const ModelFolder& folder) {
  const modernbert::Config config = modernbert::read_config(folder.config());
  const std::string prefix = find_prefix(folder, "model.", "embeddings.tok_embeddings.weight");
  Plan plan;
  plan.pooling = config.classifier_pooling == modernbert::Pooling::kCls ? "cls" : "mean";
  plan.encoder_tensors = modernbert::Encoder::tensors(prefix, config);
  plan.head_tensors = modernbert::Head::tensors(config);
  plan.owned = {prefix + "embeddings.", prefix + "layers.", prefix + "final_norm."};
  plan.make_encoder = [=](const WeightLoader& loader) {
    return std::make_unique<modernbert::Encoder>(loader, prefix, config);
  };
  plan.make_head = [=](const TensorTable& tensors) {
    return std::make_unique<modernbert::Head>(tensors, config);
  };
  plan.shape = {.layers = config.layers,
                .hidden = config.hidden,
                .intermediate = config.intermediate,
                .heads = config.heads,
                .vocabulary = config.vocabulary,
                .max_tokens = config.positions,
                .token_types = 0};
  return plan;
}

struct Family {
  const char* name;  // architectures are <name>ForSequenceClassification and <name>Model
  Plan (*plan)(const ModelFolder&);
};

constexpr Family kFamilies[] = {
    {"Bert", plan_bert}, {"XLMRoberta", plan_xlm_roberta}, {"ModernBert", plan_modernbert}};

std::string architecture_of(const ConfigFile& config) {
  const std::vector<std::string> names = config.texts("architectures");
  if (names.size() != 1) config.unsupported("architectures", "one architecture");
  return names[0];
}

bool is_reranker(const std::string& architecture) {
  return architecture.ends_with("ForSequenceClassification");
}

Plan make_plan(const ModelFolder& folder) {
  const ConfigFile& config = folder.config();
  const std::string architecture = architecture_of(config);
  std::string supported;
  for (const Family& family : kFamilies) {
    for (const char* suffix : {"ForSequenceClassification", "Model"}) {
      const std::string name = std::string(family.name) + suffix;
      supported += (supported.empty() ? "" : ", ") + name;
      if (architecture == name) return family.plan(folder);
    }
    if (architecture == std::string(family.name) + "ForMaskedLM") return family.plan(folder);
  }
  config.unsupported("architectures", supported);
}

std::vector<TensorSpec> all_tensors(const Plan& plan) {
  std::vector<TensorSpec> specs = plan.encoder_tensors;
  specs.insert(specs.end(), plan.head_tensors.begin(), plan.head_tensors.end());
  return specs;
}

}  // namespace

ModelShape read_shape(const ModelFolder& folder) {
  const Plan plan = make_plan(folder);
  ModelShape shape;
  shape.architecture = architecture_of(folder.config());
  shape.encoder = plan.shape;
  const bool head = is_reranker(shape.architecture);
  if (head) require_one_label(folder.config());
  if (head) shape.pooling = plan.pooling;
  const TensorTable tensors(folder, head ? all_tensors(plan) : plan.encoder_tensors, plan.owned);
  shape.parameters = tensors.parameters();
  shape.extras = tensors.extras();
  return shape;
}

LoadedModel load_reranker(const std::string& path, kernels::Operand operand) {
  LoadedModel model;
  model.folder = std::make_unique<ModelFolder>(path);
  const ConfigFile& config = model.folder->config();
  const Plan plan = make_plan(*model.folder);
  if (!is_reranker(architecture_of(config))) {
    config.unsupported("architectures",
                       "...ForSequenceClassification (this folder is no reranker)");
  }
  require_one_label(config);
  const TensorTable tensors(*model.folder, all_tensors(plan), plan.owned);
  model.encoder = plan.make_encoder(WeightLoader(tensors, operand));
  model.head = plan.make_head(tensors);
  return model;
}

LoadedModel load_encoder(const std::string& path, kernels::Operand operand) {
  LoadedModel model;
  model.folder = std::make_unique<ModelFolder>(path);
  const Plan plan = make_plan(*model.folder);
  const TensorTable tensors(*model.folder, plan.encoder_tensors, plan.owned);
  model.encoder = plan.make_encoder(WeightLoader(tensors, operand));
  return model;
}

}  // namespace narabi::models
