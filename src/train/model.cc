#include "train/model.h"

#include "train/modernbert.h"
#include "train/post_norm.h"

namespace narabi::train {

void Model::load(const checkpoint::ModelFolder& folder, bool whole) {
  parameters_.load(folder, {prefix_ + "embeddings.", prefix_ + "encoder.", prefix_ + "layers."},
                   whole ? std::vector<std::string>{} : heads_);
}

std::unique_ptr<Model> make_model(const checkpoint::ConfigFile& config, Task task) {
  const std::string type = config.one_of("model_type", {"bert", "xlm-roberta", "modernbert"});
  if (type == "modernbert")
    return std::make_unique<ModernBert>(models::modernbert::read_config(config), task);
  const bool bert = type == "bert";
  return std::make_unique<PostNorm>(models::bert::read_config(config),
                                    bert ? PostNormKind::kBert : PostNormKind::kXlmRoberta,
                                    bert ? 0 : config.integer("pad_token_id"), task);
}

}  // namespace narabi::train
