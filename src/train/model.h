// A trainable encoder with its heads: the same formulas and names as in transformers.
#pragma once

#include <torch/types.h>

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/config_file.h"
#include "train/layers.h"
#include "train/packed_batch.h"
#include "train/parameters.h"

namespace narabi::train {

// What the head on top is for: a reranker's logit, or the vocabulary of masked language modelling.
enum class Task { kRerank, kMaskedLm };

class Model {
 public:
  virtual ~Model() = default;
  // Hidden states [N, H] f32.
  virtual torch::Tensor hidden(const PackedBatch& batch, const ForwardOptions& options) const = 0;
  // [N, H] -> one logit per sequence, [S] f32 (kRerank).
  virtual torch::Tensor logits(const torch::Tensor& hidden, const PackedBatch& batch,
                               const ForwardOptions& options) const = 0;
  // Hidden states of M tokens -> [M, V] (kMaskedLm; the decoder shares the word embeddings).
  virtual torch::Tensor vocabulary_logits(const torch::Tensor& rows,
                                          const ForwardOptions& options) const = 0;

  virtual std::int64_t max_tokens() const = 0;  // of a sequence
  std::int64_t vocabulary() const { return parameters_.tensors().front().size(0); }
  torch::Device device() const { return parameters_.tensors().front().device(); }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  // The class name that goes into config.json for this task ("BertForSequenceClassification").
  const std::string& architecture() const { return architecture_; }
  // From a folder of this architecture: its encoder has to be whole; a head that it lacks keeps
  // its initial values, unless `whole` asks for that, too.
  void load(const checkpoint::ModelFolder& folder, bool whole = false);

 protected:
  Model(std::vector<ParameterSpec> specs, std::string architecture, std::string prefix,
        std::vector<std::string> heads)
      : parameters_(std::move(specs)),
        architecture_(std::move(architecture)),
        prefix_(std::move(prefix)),
        heads_(std::move(heads)) {}

  Parameters parameters_;  // the vocabulary's table first
  std::string architecture_;
  std::string prefix_;              // of the encoder's tensors
  std::vector<std::string> heads_;  // prefixes of the head's tensors
};

// By "model_type" of a config.json: bert, xlm-roberta, modernbert. Throws Unsupported for others.
std::unique_ptr<Model> make_model(const checkpoint::ConfigFile& config, Task task);

}  // namespace narabi::train
