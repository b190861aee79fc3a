// Every loss beside its formula, written out by loops in double precision; gradients beside central
// differences of those formulas.
#include "train/losses.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <random>

#include "narabi/error.h"

namespace narabi::train {
namespace {

using Vector = std::vector<double>;

// One group: scores, labels, teacher.
struct Lists {
  Vector s, y, t;
};

double log_sum_exp(const Vector& x) {
  const double top = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const double value : x) sum += std::exp(value - top);
  return top + std::log(sum);
}

Vector softmax(const Vector& x) {
  Vector p;
  for (const double value : x) p.push_back(std::exp(value - log_sum_exp(x)));
  return p;
}

double sum_of(const Vector& x) {
  return std::accumulate(x.begin(), x.end(), 0.0);
}

template <class Value>
double mean_over_pairs(const Lists& in, Value value) {
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < in.s.size(); ++i) {
    for (std::size_t j = 0; j < in.s.size(); ++j) {
      if (in.y[i] <= in.y[j]) continue;
      sum += value(i, j);
      ++count;
    }
  }
  return count > 0 ? sum / count : 0;
}

// Rank of place i by descending x, from 1; equal values in the order given.
double rank_of(const Vector& x, std::size_t i) {
  double rank = 1;
  for (std::size_t j = 0; j < x.size(); ++j) rank += x[j] > x[i] || (x[j] == x[i] && j < i);
  return rank;
}

double discount(double rank) {
  return 1 / std::log2(1 + rank);
}

double lambda_loss(const Lists& in) {
  double ideal = 0, total = 0;
  const auto gain = [&](std::size_t i) { return std::pow(2.0, in.y[i]) - 1; };
  for (std::size_t i = 0; i < in.y.size(); ++i) ideal += gain(i) * discount(rank_of(in.y, i));
  for (std::size_t i = 0; i < in.s.size(); ++i) {
    for (std::size_t j = 0; j < in.s.size(); ++j) {
      if (in.y[i] <= in.y[j]) continue;
      const double ri = rank_of(in.s, i), rj = rank_of(in.s, j), d = std::abs(ri - rj);
      const double weight =
          std::abs(gain(i) - gain(j)) / ideal *
          (10 * std::abs(discount(d) - discount(d + 1)) + std::abs(discount(ri) - discount(rj)));
      total += weight * std::log1p(std::exp(in.s[j] - in.s[i]));
    }
  }
  return total;
}

// -log P of each place of the order by label, weighted.
double list_likelihood(const Lists& in, bool weighted) {
  std::vector<std::size_t> order(in.y.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return in.y[a] > in.y[b]; });
  double total = 0, weights = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    Vector tail;
    for (std::size_t j = i; j < order.size(); ++j) tail.push_back(in.s[order[j]]);
    const double weight =
        weighted ? std::pow(2.0, static_cast<double>(order.size() - i - 1)) - 1 : 1.0;
    total += weight * (log_sum_exp(tail) - in.s[order[i]]);
    weights += weight;
  }
  return total / weights;
}

const std::map<std::string, std::function<double(const Lists&, const LossTerm&)>>& references() {
  static const std::map<std::string, std::function<double(const Lists&, const LossTerm&)>> table = {
      {"softmax_ce",
       [](const Lists& in, const LossTerm&) {
         double sum = 0;
         for (std::size_t i = 0; i < in.s.size(); ++i)
           sum += in.y[i] / sum_of(in.y) * (log_sum_exp(in.s) - in.s[i]);
         return sum;
       }},
      {"bce",
       [](const Lists& in, const LossTerm& term) {
         double sum = 0;
         for (std::size_t i = 0; i < in.s.size(); ++i) {
           sum += term.pos_weight * in.y[i] * std::log1p(std::exp(-in.s[i])) +
                  (1 - in.y[i]) * std::log1p(std::exp(in.s[i]));
         }
         return sum / static_cast<double>(in.s.size());
       }},
      {"listnet",
       [](const Lists& in, const LossTerm&) {
         const Vector target = softmax(in.y);
         double sum = 0;
         for (std::size_t i = 0; i < in.s.size(); ++i)
           sum += target[i] * (log_sum_exp(in.s) - in.s[i]);
         return sum;
       }},
      {"ranknet",
       [](const Lists& in, const LossTerm&) {
         return mean_over_pairs(in, [&](std::size_t i, std::size_t j) {
           return std::log1p(std::exp(in.s[j] - in.s[i]));
         });
       }},
      {"lambda", [](const Lists& in, const LossTerm&) { return lambda_loss(in); }},
      {"listmle", [](const Lists& in, const LossTerm&) { return list_likelihood(in, false); }},
      {"plistmle", [](const Lists& in, const LossTerm&) { return list_likelihood(in, true); }},
      {"margin_mse",
       [](const Lists& in, const LossTerm&) {
         return mean_over_pairs(in, [&](std::size_t i, std::size_t j) {
           return std::pow(in.s[i] - in.s[j] - (in.t[i] - in.t[j]), 2);
         });
       }},
      {"mse",
       [](const Lists& in, const LossTerm&) {
         double sum = 0;
         for (std::size_t i = 0; i < in.s.size(); ++i) sum += std::pow(in.s[i] - in.t[i], 2);
         return sum / static_cast<double>(in.s.size());
       }},
      {"kl", [](const Lists& in, const LossTerm& term) {
         Vector s, t;
         for (std::size_t i = 0; i < in.s.size(); ++i) {
           s.push_back(in.s[i] / term.temperature);
           t.push_back(in.t[i] / term.temperature);
         }
         const Vector p = softmax(t), q = softmax(s);
         double sum = 0;
         for (std::size_t i = 0; i < p.size(); ++i) sum += p[i] * std::log(p[i] / q[i]);
         return term.temperature * term.temperature * sum;
       }}};
  return table;
}

// Groups of 2 to 7 passages with graded labels (soft ones for bce) and a teacher.
std::vector<data::Group> random_groups(const std::string& loss, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0, 3);
  std::vector<data::Group> groups;
  for (int g = 0; g < 5; ++g) {
    data::Group group{"q", {}, {}, {}};
    const int size = 2 + (g * 3 + static_cast<int>(seed)) % 6;
    for (int i = 0; i < size; ++i) {
      group.passages.push_back("p");
      const float grade = i == 0 ? 3.0f : static_cast<float>(random() % 4);
      group.labels.push_back(loss == "bce" ? grade / 3 : grade);
      group.teacher.push_back(normal(random));
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

Lists lists_of(const data::Group& group, const double* scores) {
  Lists in;
  for (std::size_t i = 0; i < group.labels.size(); ++i) {
    in.s.push_back(scores[i]);
    in.y.push_back(group.labels[i]);
    in.t.push_back(group.teacher[i]);
  }
  return in;
}

Vector random_scores(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, 2);
  Vector scores(count);
  for (double& score : scores) score = normal(random);
  return scores;
}

std::size_t passages_of(const std::vector<data::Group>& groups) {
  std::size_t count = 0;
  for (const data::Group& group : groups) count += group.passages.size();
  return count;
}

double reference(const std::vector<data::Group>& groups, const Vector& scores,
                 const LossTerm& term) {
  double sum = 0;
  const double* next = scores.data();
  for (const data::Group& group : groups) {
    sum += references().at(term.name)(lists_of(group, next), term);
    next += group.passages.size();
  }
  return sum;
}

class Losses : public testing::TestWithParam<std::string> {
 protected:
  const LossTerm term_{.name = GetParam(), .weight = 1, .temperature = 1.7, .pos_weight = 2.5};
};

TEST_P(Losses, ValueAndGradientAreThoseOfTheFormula) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const auto groups = random_groups(term_.name, seed);
    Vector scores = random_scores(passages_of(groups), seed);
    const torch::Tensor logits = torch::tensor(scores, torch::kFloat64).set_requires_grad(true);
    const torch::Tensor loss = ranking_loss(logits, make_targets(groups), {term_});
    EXPECT_NEAR(loss.item<double>(), reference(groups, scores, term_), 1e-9);
    loss.backward();
    constexpr double kStep = 1e-5;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const double at = scores[i];
      scores[i] = at + kStep;
      const double above = reference(groups, scores, term_);
      scores[i] = at - kStep;
      const double below = reference(groups, scores, term_);
      scores[i] = at;
      EXPECT_NEAR(logits.grad()[static_cast<std::int64_t>(i)].item<double>(),
                  (above - below) / (2 * kStep), 1e-6)
          << "score " << i;
    }
  }
}

TEST_P(Losses, InSinglePrecisionTooWithLogitsThatAreFarApart) {
  const auto groups = random_groups(term_.name, 4);
  Vector scores = random_scores(passages_of(groups), 4);
  for (double& score : scores) score = std::round(score * 80) / 8;  // exact in f32
  const torch::Tensor logits = torch::tensor(scores, torch::kFloat32).set_requires_grad(true);
  const torch::Tensor loss = ranking_loss(logits, make_targets(groups), {term_});
  const double expected = reference(groups, scores, term_);
  EXPECT_NEAR(loss.item<double>(), expected, 1e-5 * std::max(1.0, expected));
  loss.backward();
  EXPECT_TRUE(torch::isfinite(logits.grad()).all().item<bool>());
}

TEST_P(Losses, DoNotDependOnPaddingNorOnHowAStepIsCut) {
  const auto groups = random_groups(term_.name, 5);
  const Vector scores = random_scores(passages_of(groups), 5);
  const torch::Tensor whole = torch::tensor(scores, torch::kFloat64).set_requires_grad(true);
  ranking_loss(whole, make_targets(groups), {term_}).backward();
  double sum = 0;
  std::size_t first = 0;
  std::vector<torch::Tensor> gradients;  // a group at a time: no padding at all
  for (const data::Group& group : groups) {
    const Vector own(scores.begin() + static_cast<std::ptrdiff_t>(first),
                     scores.begin() + static_cast<std::ptrdiff_t>(first + group.passages.size()));
    const torch::Tensor part = torch::tensor(own, torch::kFloat64).set_requires_grad(true);
    const torch::Tensor loss = ranking_loss(part, make_targets(std::span(&group, 1)), {term_});
    loss.backward();
    sum += loss.item<double>();
    gradients.push_back(part.grad());
    first += group.passages.size();
  }
  EXPECT_NEAR(sum, reference(groups, scores, term_), 1e-9);
  EXPECT_LT((torch::cat(gradients) - whole.grad()).abs().max().item<double>(), 1e-12);
}

TEST_P(Losses, AGroupOfEqualScoresAndEqualLabelsIsFinite) {
  data::Group group{"q", {"a", "b"}, {1, 1}, {0.5f, 0.5f}};
  const torch::Tensor logits = torch::zeros({2}, torch::kFloat64).set_requires_grad(true);
  const torch::Tensor loss = ranking_loss(logits, make_targets(std::span(&group, 1)), {term_});
  EXPECT_TRUE(std::isfinite(loss.item<double>()));
  loss.backward();
  EXPECT_TRUE(torch::isfinite(logits.grad()).all().item<bool>());
}

INSTANTIATE_TEST_SUITE_P(All, Losses, testing::ValuesIn(loss_names()),
                         [](const auto& parameter) { return parameter.param; });

TEST(LossTable, EveryLossHasAReferenceAboveAndTheOtherWayRound) {
  for (const std::string& name : loss_names()) EXPECT_TRUE(references().contains(name)) << name;
  EXPECT_EQ(references().size(), loss_names().size());
}

TEST(LossTable, AGroupOfTwoHundredPassagesIsNoMoreThanF32Holds) {
  data::Group group{"q", std::vector<std::string>(200, "p"), std::vector<float>(200), {}};
  for (std::size_t i = 0; i < 200; ++i) group.labels[i] = static_cast<float>(i % 7);
  const torch::Tensor logits = torch::linspace(-3, 3, 200);
  for (const char* name : {"plistmle", "listmle", "lambda", "softmax_ce"}) {
    const double f32 =
        ranking_loss(logits, make_targets(std::span(&group, 1)), {{.name = name}}).item<double>();
    const double f64 = ranking_loss(logits.to(torch::kFloat64), make_targets(std::span(&group, 1)),
                                    {{.name = name}})
                           .item<double>();
    EXPECT_NEAR(f32, f64, 1e-4 * std::abs(f64)) << name;
  }
}

TEST(LossTable, TermsAddUpByTheirWeights) {
  const auto groups = random_groups("softmax_ce", 6);
  const torch::Tensor logits =
      torch::tensor(random_scores(passages_of(groups), 6), torch::kFloat64);
  const auto targets = make_targets(groups);
  const double both =
      ranking_loss(logits, targets,
                   {{.name = "mse", .weight = 0.5}, {.name = "ranknet", .weight = 2}})
          .item<double>();
  EXPECT_NEAR(both,
              0.5 * ranking_loss(logits, targets, {{.name = "mse"}}).item<double>() +
                  2 * ranking_loss(logits, targets, {{.name = "ranknet"}}).item<double>(),
              1e-9);
}

TEST(LossTable, WithoutATeacherItSaysWhichLossNeedsOne) {
  data::Group group{"q", {"a", "b"}, {1, 0}, {}};
  try {
    ranking_loss(torch::zeros({2}), make_targets(std::span(&group, 1)), {{.name = "kl"}});
    FAIL() << "expected an error";
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("kl"), std::string::npos);
  }
}

}  // namespace
}  // namespace narabi::train
