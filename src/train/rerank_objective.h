// Groups of passages to a ranking loss, with or without a teacher.
#pragma once

#include <memory>
#include <vector>

#include "base/thread_pool.h"
#include "data/groups.h"
#include "narabi/options.h"
#include "narabi/tokenizer.h"
#include "train/objective.h"

namespace narabi::train {

struct PairLimits {
  int max_length = 512;
  Truncation truncation = Truncation::kOnlySecond;
  std::int64_t micro_batch_tokens = 8192;
};

// A model with the tokenizer that it reads with.
struct Reader {
  const Model* model = nullptr;
  const Tokenizer* tokenizer = nullptr;
};

// Groups cut into parts of at most limits.micro_batch_tokens, never inside of a group.
struct PackedGroups {
  PackedBatch batch;
  std::size_t first = 0, count = 0;  // of the groups
};
std::vector<PackedGroups> pack_groups(std::span<const data::Group> groups,
                                      const Tokenizer& tokenizer, const PairLimits& limits,
                                      base::ThreadPool& pool);

// Logits of all passages of all groups in a row; no gradients. On a GPU a part at a time, else a
// part a thread.
std::vector<float> score_groups(const Reader& reader, std::span<const data::Group> groups,
                                const PairLimits& limits, bool bf16, base::ThreadPool& pool);

class RerankObjective final : public Objective {
 public:
  struct Options {
    PairLimits limits;
    std::int64_t group_size = 8;  // 0: all
    std::vector<LossTerm> loss;
    bool bf16 = false;  // of the teacher's forward pass
  };
  // `teacher` without a model: the files' own scores, where a loss needs some. Borrows tokenizer,
  // teacher and pool. Throws InvalidArgument when a loss needs a teacher and there is none, and as
  // require_labels() does.
  RerankObjective(const std::vector<std::string>& files, const Tokenizer& tokenizer, Reader teacher,
                  Options options, base::ThreadPool& pool);
  std::size_t size() const override { return index_.size(); }
  StepData prepare(std::span<const Draw> draws) const override;
  torch::Tensor loss(const Model& model, const MicroBatch& part,
                     const ForwardOptions& options) const override;

 private:
  data::Group draw(const Draw& draw) const;

  std::vector<data::GroupFile> files_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> index_;  // file, group
  const Tokenizer& tokenizer_;
  Reader teacher_;
  Options options_;
  base::ThreadPool& pool_;
};

// A positive and group_size - 1 others at random, or all when there are fewer. Where labels are
// graded, the positive is drawn among those with a label above the lowest, the others from what is
// below the positive's label first. group_size 0: the group as it is.
data::Group sample_group(const data::Group& group, std::int64_t group_size, std::uint64_t seed);

}  // namespace narabi::train
