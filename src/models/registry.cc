#include "models/registry.h"

#include <algorithm>
#include <functional>

#include "checkpoint/model_record.h"
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
  std::vector<TensorSpec> encoder_tensors, head_tensors;  // the vocabulary's table comes first
  std::vector<std::string> owned;  // prefixes below which no other tensor may be
  std::function<std::unique_ptr<Encoder>(const WeightLoader&)> make_encoder;
  std::function<std::unique_ptr<Head>(const TensorTable&)> make_head;
};

// The prefix under which the encoder's tensors lie: a bare encoder has none. `table`: its first.
std::string find_prefix(const ModelFolder& folder, const std::string& prefix,
                        const std::string& table) {
  const auto holds = [&](const std::string& name) {
    return folder.find(name + ".weight") != nullptr || folder.find(packed_key(name, "")) != nullptr;
  };
  return !holds(prefix + table) && holds(table) ? "" : prefix;
}

Plan plan_bert_layers(const ModelFolder& folder, const std::string& name, bert::PositionRule rule) {
  const bert::Config config = bert::read_config(folder.config());
  const std::string prefix = find_prefix(folder, name, "embeddings.word_embeddings");
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
  const std::string prefix = find_prefix(folder, "model.", "embeddings.tok_embeddings");
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
  const char* name;        // architectures are this and one of kSuffixes
  const char* model_type;  // what config.json says beside them
  Plan (*plan)(const ModelFolder&);
};

constexpr Family kFamilies[] = {{"Bert", "bert", plan_bert},
                                {"XLMRoberta", "xlm-roberta", plan_xlm_roberta},
                                {"ModernBert", "modernbert", plan_modernbert}};

constexpr const char* kReranker = "ForSequenceClassification";
constexpr const char* kEncoder = "Model";
// The heads of the last two are not read.
constexpr const char* kSuffixes[] = {kReranker, kEncoder, "ForMaskedLM", "ForPreTraining"};

// The architecture of a config.json that names none, as some of the older ones: the family by
// model_type, and a reranker where the folder holds a head.
std::string guess_architecture(const ModelFolder& folder) {
  const std::vector<std::string> names = folder.tensor_names();
  const bool head = std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return name.starts_with("classifier.");
  });
  std::string supported;
  for (const Family& family : kFamilies) {
    supported += (supported.empty() ? "" : ", ") + std::string(family.model_type);
    if (folder.config().text("model_type", "") == family.model_type)
      return std::string(family.name) + (head ? kReranker : kEncoder);
  }
  folder.config().unsupported("model_type", supported + " (where architectures is absent)");
}

std::string architecture_of(const ModelFolder& folder) {
  const ConfigFile& config = folder.config();
  if (!config.has("architectures")) return guess_architecture(folder);
  const std::vector<std::string> names = config.texts("architectures");
  if (names.size() != 1) config.unsupported("architectures", "one architecture");
  return names[0];
}

bool is_reranker(const std::string& architecture) {
  return architecture.ends_with(kReranker);
}

Plan make_plan(const ModelFolder& folder) {
  const std::string architecture = architecture_of(folder);
  std::string supported;
  for (const Family& family : kFamilies) {
    for (const char* suffix : kSuffixes) {
      const std::string name = std::string(family.name) + suffix;
      supported += (supported.empty() ? "" : ", ") + name;
      if (architecture == name) return family.plan(folder);
    }
  }
  folder.config().unsupported("architectures", supported);
}

std::vector<TensorSpec> all_tensors(const Plan& plan) {
  std::vector<TensorSpec> specs = plan.encoder_tensors;
  specs.insert(specs.end(), plan.head_tensors.begin(), plan.head_tensors.end());
  return specs;
}

Plan plan_reranker(const ModelFolder& folder) {
  Plan plan = make_plan(folder);
  if (!is_reranker(architecture_of(folder))) {
    folder.config().unsupported("architectures",
                                "...ForSequenceClassification (this folder is no reranker)");
  }
  require_one_label(folder.config());
  return plan;
}

// `specs` as the folder has them; packed ones are another's, see packed_tensors.h.
TensorTable table_of(const ModelFolder& folder, const Plan& plan,
                     const std::vector<TensorSpec>& specs) {
  if (!holds_packed(folder)) return {folder, specs, plan.owned};
  checkpoint::check_stamp(folder);
  return {folder, without_packed(folder, specs), plan.owned};
}

std::int64_t parameters_of(const std::vector<TensorSpec>& specs) {
  std::int64_t parameters = 0;
  for (const TensorSpec& spec : specs) {
    std::int64_t count = 1;
    for (const std::int64_t extent : spec.shape) count *= extent;
    parameters += count;
  }
  return parameters;
}

}  // namespace

ModelShape read_shape(const ModelFolder& folder) {
  const Plan plan = make_plan(folder);
  ModelShape shape;
  shape.architecture = architecture_of(folder);
  shape.encoder = plan.shape;
  const bool head = is_reranker(shape.architecture);
  if (head) require_one_label(folder.config());
  if (head) shape.pooling = plan.pooling;
  const std::vector<TensorSpec> specs = head ? all_tensors(plan) : plan.encoder_tensors;
  const TensorTable tensors = table_of(folder, plan, specs);
  shape.parameters = parameters_of(specs);
  shape.extras = tensors.extras();
  std::erase_if(shape.extras,
                [](const std::string& name) { return name.starts_with(kPackedPrefix); });
  return shape;
}

namespace {

// Throws InvalidArgument where `operands` names a group that the model lacks. The operands of a
// packed folder are its own.
std::unique_ptr<Encoder> make_encoder(const Plan& plan, const TensorTable& tensors,
                                      const Operands& operands, const ModelFolder& folder) {
  WeightLoader loader(tensors, operands);
  if (operands.others.empty() || holds_packed(folder)) return plan.make_encoder(loader);
  std::vector<NamedWeight> read;
  loader.record(&read);
  std::unique_ptr<Encoder> encoder = plan.make_encoder(loader);
  for (const auto& [group, operand] : operands.others) {
    const bool known = std::any_of(
        read.begin(), read.end(), [&](const NamedWeight& weight) { return weight.group == group; });
    if (known) continue;
    throw InvalidArgument(folder.path() + ": linear layer " + group +
                          " (narabi.json: precision): expected a layer of the model, found none "
                          "of that name");
  }
  return encoder;
}

}  // namespace

LoadedModel load_reranker(const std::string& path, const Operands& operands) {
  LoadedModel model;
  model.folder = std::make_unique<ModelFolder>(path);
  const Plan plan = plan_reranker(*model.folder);
  const TensorTable tensors = table_of(*model.folder, plan, all_tensors(plan));
  model.encoder = make_encoder(plan, tensors, operands, *model.folder);
  model.head = plan.make_head(tensors);
  return model;
}

LoadedModel load_encoder(const std::string& path, const Operands& operands) {
  LoadedModel model;
  model.folder = std::make_unique<ModelFolder>(path);
  const Plan plan = make_plan(*model.folder);
  const TensorTable tensors = table_of(*model.folder, plan, plan.encoder_tensors);
  model.encoder = make_encoder(plan, tensors, operands, *model.folder);
  return model;
}

namespace {

ModelFolder open_floats(const std::string& path) {
  ModelFolder folder(path);
  if (holds_packed(folder))
    throw Unsupported(path + ": expected weights in floats, found packed ones");
  return folder;
}

}  // namespace

std::vector<LinearGroup> linear_groups(const std::string& path) {
  const ModelFolder folder = open_floats(path);
  const Plan plan = make_plan(folder);
  const TensorTable tensors(folder, plan.encoder_tensors, plan.owned);
  std::vector<NamedWeight> weights;
  WeightLoader loader(tensors, {kernels::Operand::kInt8});
  loader.record(&weights);
  plan.make_encoder(loader);
  std::vector<LinearGroup> groups;
  for (const NamedWeight& weight : weights) {
    if (groups.empty() || groups.back().name != weight.group) groups.push_back({weight.group});
    groups.back().weights += weight.weight.in * weight.weight.out;
  }
  return groups;
}

void pack_model(const std::string& path, const std::string& target, const GroupOperands& others) {
  const ModelFolder folder = open_floats(path);
  const bool head = is_reranker(architecture_of(folder));
  const Plan plan = head ? plan_reranker(folder) : make_plan(folder);
  const std::vector<TensorSpec> specs = head ? all_tensors(plan) : plan.encoder_tensors;
  const TensorTable tensors(folder, specs, plan.owned);
  std::vector<NamedWeight> weights;
  WeightLoader loader(tensors, {kernels::Operand::kInt8, others});
  loader.record(&weights);
  plan.make_encoder(loader);
  std::vector<TensorSpec> floats = specs;
  std::erase_if(floats, [&](const TensorSpec& spec) {
    const std::string layer = spec.name.substr(0, spec.name.rfind('.'));
    return std::any_of(weights.begin(), weights.end(), [&](const NamedWeight& weight) {
      return weight.key == packed_key(layer, "") || weight.key == packed_key(layer, "query");
    });
  });
  write_packed(target, weights, folder, plan.encoder_tensors[0].name, floats);
}

}  // namespace narabi::models
