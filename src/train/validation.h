// Ranking quality on groups that training does not see.
#pragma once

#include <string>
#include <vector>

#include "data/groups.h"
#include "train/rerank_objective.h"

namespace narabi::train {

// Means over the groups; equal scores count against. A label is its gain (a negative one has none),
// as in narabi/evaluation.h, soft ones too. What counts as relevant for MRR and hit is a label of
// .5 or more where a group's all lie in 0 to 1, else one above the group's lowest. Groups whose
// labels are all the same (a teacher's scores alone) judge nothing and are left out.
struct Quality {
  double ndcg = 0, mrr = 0, hit = 0;  // nDCG@10, MRR@10, hit@1
  double spread = 0;                  // standard deviation of the logits inside a group, mean
};

class Validation {
 public:
  // limit 0: all groups of the file. Throws as GroupFile, and InvalidFormat where no labels differ.
  Validation(const std::string& file, std::int64_t limit, const PairLimits& limits);
  Quality measure(const Reader& reader, bool bf16, base::ThreadPool& pool) const;

 private:
  std::vector<data::Group> groups_;
  PairLimits limits_;
};

// `scores`: of all passages of all groups in a row.
Quality rank_quality(const std::vector<data::Group>& groups, const std::vector<float>& scores);

}  // namespace narabi::train
