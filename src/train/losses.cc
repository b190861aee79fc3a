#include "train/losses.h"

#include <algorithm>
#include <limits>
#include <map>

#include "narabi/error.h"

namespace narabi::train {
namespace {

using torch::Tensor;

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

// What every loss sees: [G, K] scores (0 outside of a group), and [G, K, K] pairs y_i > y_j.
struct Input {
  Tensor scores, labels, teacher, mask;
  const LossTerm* term;

  Tensor count() const { return mask.sum(1).to(scores.scalar_type()); }  // [G]
  // Log-probabilities of x over each group; 0 outside, where x has none.
  Tensor log_softmax(const Tensor& x) const {
    return torch::log_softmax(x.masked_fill(~mask, kMinusInfinity), 1).masked_fill(~mask, 0.0);
  }
  Tensor softmax(const Tensor& x) const {
    return torch::softmax(x.masked_fill(~mask, kMinusInfinity), 1);
  }
  Tensor pairs() const {
    const Tensor both = mask.unsqueeze(2) & mask.unsqueeze(1);
    return ((labels.unsqueeze(2) > labels.unsqueeze(1)) & both).to(scores.scalar_type());
  }
};

Tensor differences(const Tensor& x) {
  return x.unsqueeze(2) - x.unsqueeze(1);  // [G, K, K]: x_i - x_j
}

// Mean over the pairs of a group, 0 where it has none.
Tensor pair_mean(const Tensor& values, const Tensor& pairs) {
  return (values * pairs).sum({1, 2}) / pairs.sum({1, 2}).clamp_min(1);
}

Tensor softmax_ce(const Input& in) {
  const Tensor total = in.labels.sum(1, true).clamp_min(1e-12);
  return -(in.labels / total * in.log_softmax(in.scores)).sum(1);
}

Tensor bce(const Input& in) {
  const Tensor positive = in.labels * torch::log_sigmoid(in.scores) * in.term->pos_weight;
  const Tensor negative = (1 - in.labels) * torch::log_sigmoid(-in.scores);
  return -((positive + negative).masked_fill(~in.mask, 0.0)).sum(1) / in.count();
}

Tensor listnet(const Input& in) {
  return -(in.softmax(in.labels) * in.log_softmax(in.scores)).sum(1);
}

Tensor ranknet(const Input& in) {
  return pair_mean(torch::softplus(-differences(in.scores)), in.pairs());
}

// 1 / D(rank) = 1 / log2(1 + rank)
Tensor discount(const Tensor& rank) {
  return 1.0 / torch::log2(1.0 + rank);
}

// Ranks by descending x, from 1; [G, K] as numbers of x's type. Masked places come last.
Tensor ranks_of(const Tensor& x, const Tensor& mask) {
  const Tensor order = torch::argsort(x.masked_fill(~mask, kMinusInfinity), /*stable=*/true, 1,
                                      /*descending=*/true);
  return torch::argsort(order, /*stable=*/true, 1, /*descending=*/false).to(x.scalar_type()) + 1;
}

Tensor lambda(const Input& in) {
  const Tensor gain = (torch::pow(2.0, in.labels) - 1).masked_fill(~in.mask, 0.0);
  const Tensor ideal = (gain * discount(ranks_of(in.labels, in.mask))).sum(1, true);
  const Tensor scaled = gain / ideal.clamp_min(1e-12);
  const Tensor ranks = ranks_of(in.scores.detach(), in.mask);
  const Tensor apart = differences(ranks).abs().clamp_min(1);
  const Tensor by_distance = (discount(apart) - discount(apart + 1)).abs();
  const Tensor by_place = differences(discount(ranks)).abs();
  const Tensor weight = differences(scaled).abs() * (10 * by_distance + by_place);
  return (torch::softplus(-differences(in.scores)) * weight * in.pairs()).sum({1, 2});
}

// log P of each place of the order by label: s_i - log sum of exp(s) of the places from i on.
Tensor place_log_likelihood(const Input& in, Tensor& mask) {
  const Tensor order = torch::argsort(in.labels.masked_fill(~in.mask, kMinusInfinity),
                                      /*stable=*/true, 1, /*descending=*/true);
  mask = in.mask.gather(1, order);
  const Tensor scores =
      in.scores.gather(1, order).masked_fill(~mask, std::numeric_limits<float>::lowest() / 2);
  const Tensor tail = torch::logcumsumexp(scores.flip(1), 1).flip(1);
  return (scores - tail).masked_fill(~mask, 0.0);
}

Tensor listmle(const Input& in) {
  Tensor mask;
  return -place_log_likelihood(in, mask).sum(1) / in.count();
}

Tensor plistmle(const Input& in) {
  Tensor mask;
  const Tensor places = place_log_likelihood(in, mask);
  const Tensor index = torch::arange(1, places.size(1) + 1, places.options());
  // Both sides over 2^K: 2^200 is beyond f32.
  const Tensor weight =
      (torch::pow(2.0, -index) - torch::pow(2.0, -in.count().unsqueeze(1))).masked_fill(~mask, 0.0);
  return -(places * weight).sum(1) / weight.sum(1).clamp_min(1e-12);
}

Tensor margin_mse(const Input& in) {
  return pair_mean((differences(in.scores) - differences(in.teacher)).pow(2), in.pairs());
}

Tensor mse(const Input& in) {
  return (in.scores - in.teacher).pow(2).masked_fill(~in.mask, 0.0).sum(1) / in.count();
}

Tensor kl(const Input& in) {
  const double t = in.term->temperature;
  const Tensor target = in.log_softmax(in.teacher / t);
  const Tensor probability = target.exp().masked_fill(~in.mask, 0.0);
  return t * t * (probability * (target - in.log_softmax(in.scores / t))).sum(1);
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Loss {
  Tensor (*value)(const Input&);
  bool teacher;
  double lowest = -kInfinity, highest = kInfinity;  // of the labels
};

const std::map<std::string, Loss>& losses() {
  static const std::map<std::string, Loss> table = {{"softmax_ce", {softmax_ce, false, 0}},
                                                    {"bce", {bce, false, 0, 1}},
                                                    {"listnet", {listnet, false}},
                                                    {"ranknet", {ranknet, false}},
                                                    {"lambda", {lambda, false, 0, 100}},
                                                    {"listmle", {listmle, false}},
                                                    {"plistmle", {plistmle, false}},
                                                    {"margin_mse", {margin_mse, true}},
                                                    {"mse", {mse, true}},
                                                    {"kl", {kl, true}}};
  return table;
}

}  // namespace

const std::vector<std::string>& loss_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const auto& [name, loss] : losses()) list.push_back(name);
    return list;
  }();
  return names;
}

bool needs_teacher(const std::string& loss_name) {
  return losses().at(loss_name).teacher;
}

bool any_needs_teacher(const std::vector<LossTerm>& terms) {
  return std::any_of(terms.begin(), terms.end(),
                     [](const LossTerm& term) { return needs_teacher(term.name); });
}

void require_labels(const std::string& loss_name, const data::GroupFile& file) {
  const Loss& loss = losses().at(loss_name);
  file.require_labels(loss.lowest, loss.highest, "the loss " + loss_name);
}

GroupTargets make_targets(std::span<const data::Group> groups) {
  std::size_t widest = 0;
  bool teacher = true;
  for (const data::Group& group : groups) {
    widest = std::max(widest, group.passages.size());
    teacher = teacher && !group.teacher.empty();
  }
  const auto rows = static_cast<std::int64_t>(groups.size()),
             columns = static_cast<std::int64_t>(widest);
  GroupTargets targets{torch::zeros({rows, columns}, torch::kInt64),
                       torch::zeros({rows, columns}, torch::kBool), torch::zeros({rows, columns}),
                       teacher ? torch::zeros({rows, columns}) : Tensor()};
  auto slots = targets.slots.accessor<std::int64_t, 2>();
  auto mask = targets.mask.accessor<bool, 2>();
  auto labels = targets.labels.accessor<float, 2>();
  std::int64_t next = 0;
  for (std::int64_t g = 0; g < rows; ++g) {
    const data::Group& group = groups[static_cast<std::size_t>(g)];
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(group.passages.size()); ++i) {
      slots[g][i] = next++;
      mask[g][i] = true;
      labels[g][i] = group.labels[static_cast<std::size_t>(i)];
      if (teacher) targets.teacher[g][i] = group.teacher[static_cast<std::size_t>(i)];
    }
  }
  return targets;
}

GroupTargets to_device(GroupTargets targets, const torch::Device& device) {
  for (Tensor* x : {&targets.slots, &targets.mask, &targets.labels, &targets.teacher})
    if (x->defined()) *x = x->to(device);
  return targets;
}

Tensor ranking_loss(const Tensor& logits, const GroupTargets& targets,
                    const std::vector<LossTerm>& terms) {
  const Tensor scores = logits.index_select(0, targets.slots.flatten())
                            .view_as(targets.slots)
                            .masked_fill(~targets.mask, 0.0);
  const auto type = scores.scalar_type();
  const Tensor teacher = targets.teacher.defined() ? targets.teacher.to(type) : Tensor();
  Tensor total = torch::zeros({}, scores.options());
  for (const LossTerm& term : terms) {
    if (needs_teacher(term.name) && !teacher.defined())
      throw InvalidArgument("the loss " + term.name + " needs teacher scores in every group");
    const Input input{scores, targets.labels.to(type), teacher, targets.mask, &term};
    total = total + term.weight * losses().at(term.name).value(input).sum();
  }
  return total;
}

}  // namespace narabi::train
