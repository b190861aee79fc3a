// Masked language modelling (Devlin et al. 2019): of the tokens chosen, 80% become the mask token,
// 10% a random one, 10% stay.
#pragma once

#include <deque>
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
  // `files`: UTF-8 text, a paragraph a line; .gz, .xz and .zst are held unpacked in memory. The
  // tokens of a file are cut into sequences of max_length, its last one shorter, so that an epoch
  // has every token once. Reads all of it. Borrows tokenizer and pool. Throws InvalidFormat naming
  // file and line.
  MaskedLmObjective(const std::vector<std::string>& files, const Tokenizer& tokenizer,
                    Options options, base::ThreadPool& pool);
  std::size_t size() const override { return windows_.size(); }
  StepData prepare(std::span<const Draw> draws) const override;
  torch::Tensor loss(const Model& model, const MicroBatch& part,
                     const ForwardOptions& options) const override;

 private:
  // The tokens of `text`, which goes on to the end of the file, from the `skip`th on.
  struct Window {
    std::string_view text;
    std::size_t skip = 0;
  };
  struct Masked;
  Masked mask(const Draw& draw) const;
  std::vector<std::int32_t> sequence(const Window& window) const;
  void add_file(const std::string& path);

  std::vector<base::MappedFile> mapped_;
  std::deque<std::string> unpacked_;
  std::vector<Window> windows_;
  std::vector<std::int32_t> before_, after_;  // the special tokens of a sequence
  std::size_t room_ = 0;                      // tokens between them
  const Tokenizer& tokenizer_;
  Options options_;
  base::ThreadPool& pool_;
};

}  // namespace narabi::train
