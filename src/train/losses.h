// Ranking losses over groups: a query's passages with labels y, scores s, teacher logits t.
//
// Every loss is a mean over the groups of a step of a value per group, so it depends neither on
// padding nor on how a step is cut into micro-batches. K passages in a group; all in f32.
//
//   softmax_ce  -sum_i y_i / (sum y) log softmax(s)_i                (Nogueira; FlagEmbedding)
//               labels of 0 or more
//   bce         mean_i of binary cross-entropy of sigmoid(s_i) with y_i (soft y allowed), the
//               positive term times pos_weight; labels of 0 to 1
//   listnet     -sum_i softmax(y)_i log softmax(s)_i                 (Cao et al. 2007)
//   ranknet     mean over pairs y_i > y_j of log(1 + exp(s_j - s_i)) (Burges et al. 2005)
//   lambda      sum over pairs y_i > y_j of the RankNet term x |G_i - G_j| x
//               (10 |1 / D(d) - 1 / D(d + 1)| + |1 / D(r_i) - 1 / D(r_j)|), r the ranks by s,
//               d = |r_i - r_j|, D(r) = log2(1 + r), G = (2^y - 1) / ideal DCG; labels of 0 to
//               100, whose powers f32 holds                          (NDCG2++, Wang et al. 2018)
//   listmle     -log of the Plackett-Luce probability of the order by y, over K; equal labels
//               stay in the order given                              (Xia et al. 2008)
//   plistmle    the same with weights 2^(K - i) - 1 of position i, over their sum
//                                                                    (Lan et al. 2014)
//   margin_mse  mean over pairs y_i > y_j of ((s_i - s_j) - (t_i - t_j))^2
//                                                                    (Hofstätter et al. 2020)
//   mse         mean_i (s_i - t_i)^2
//   kl          T^2 KL(softmax(t / T) || softmax(s / T))             (Hinton et al. 2015)
#pragma once

#include <torch/types.h>

#include <span>
#include <string>
#include <vector>

#include "data/groups.h"

namespace narabi::train {

struct LossTerm {
  std::string name = "softmax_ce";
  double weight = 1;
  double temperature = 1;  // kl
  double pos_weight = 1;   // bce
};

const std::vector<std::string>& loss_names();
bool needs_teacher(const std::string& loss_name);
bool any_needs_teacher(const std::vector<LossTerm>& terms);
// Throws InvalidFormat naming file and line where a label lies outside of what the loss is made
// for: beyond it, it has no minimum.
void require_labels(const std::string& loss_name, const data::GroupFile& file);

// G groups of at most K passages as rectangles; what lies outside of a group is masked.
struct GroupTargets {
  torch::Tensor slots;    // [G, K] int64: the passage's place among the logits
  torch::Tensor mask;     // [G, K] bool
  torch::Tensor labels;   // [G, K] f32
  torch::Tensor teacher;  // [G, K] f32, undefined where a group has none
};

// The passages of all groups in a row are the logits.
GroupTargets make_targets(std::span<const data::Group> groups);
GroupTargets to_device(GroupTargets targets, const torch::Device& device);

// Sum over the groups of the weighted terms, not yet divided by the number of groups in the step.
// logits: [S] f32 (any float precision in tests).
torch::Tensor ranking_loss(const torch::Tensor& logits, const GroupTargets& targets,
                           const std::vector<LossTerm>& terms);

}  // namespace narabi::train
