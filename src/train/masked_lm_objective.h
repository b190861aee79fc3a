// Masked language modelling (Devlin et al. 2019): of the tokens chosen, 80% become the mask token,
// 10% a random one, 10% stay.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/thread_pool.h"
#include "narabi/tokenizer.h"
#include "train/objective.h"

namespace narabi::train {

class MaskedLmObjective final : public Objective {
 public:
  struct Options {
    int max_length = 128;
    double mask = 0.25;  // share of tokens to predict
    std::int64_t micro_batch_tokens = 8192;
    std::int64_t mask_token = 0;
    std::int64_t vocabulary = 0;
    std::vector<std::int64_t> special;  // ids that are never masked
  };
  // `files`: UTF-8 text, a paragraph a line; lines in a row are joined until they fill a sequence.
  // Borrows tokenizer and pool.
  MaskedLmObjective(const std::vector<std::string>& files, const Tokenizer& tokenizer,
                    Options options, base::ThreadPool& pool);
  std::size_t size() const override { return texts_.size(); }
  StepData prepare(std::span<const Draw> draws) const override;
  torch::Tensor loss(const Model& model, const MicroBatch& part,
                     const ForwardOptions& options) const override;

 private:
  struct Masked;
  Masked mask(const Draw& draw) const;
  void cut(std::string_view text);

  std::vector<base::MappedFile> files_;
  std::vector<std::string_view> texts_;
  const Tokenizer& tokenizer_;
  Options options_;
  base::ThreadPool& pool_;
};

}  // namespace narabi::train
