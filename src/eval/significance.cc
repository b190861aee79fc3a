#include "eval/significance.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "narabi/error.h"

namespace narabi::eval {
namespace {

constexpr int kPermutations = 10000;

double sum_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

// I_x(a, b) by the continued fraction of DLMF 8.17.22 with Lentz's method; quick where x < (a + 1)
// / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300, kClose = 1e-15;
  const auto away_from_zero = [](double value) { return std::fabs(value) < kTiny ? kTiny : value; };
  double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), h = d;
  for (int m = 1; m < 1000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    h *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    h *= d * c;
    if (std::fabs(d * c - 1) < kClose) break;
  }
  return h;
}

double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(b, a, 1 - x);
  const double log_front =
      std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x);
  return std::exp(log_front) * beta_fraction(a, b, x) / a;
}

// P(|T| >= |t|) = I_{v / (v + t^2)}(v / 2, 1 / 2) with v = n - 1 degrees of freedom.
double t_test(const std::vector<double>& differences, double mean) {
  const auto n = static_cast<double>(differences.size());
  double squares = 0;
  for (const double d : differences) squares += (d - mean) * (d - mean);
  if (n < 2 || squares == 0) return mean == 0 ? 1 : (n < 2 ? 1 : 0);
  const double freedom = n - 1;
  const double t_squared = mean * mean * n * freedom / squares;
  return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t_squared));
}

// The share of random signs under which the sum is as far from 0 as it is; the observed one counts.
double randomisation_test(const std::vector<double>& differences, std::uint64_t seed) {
  const double observed = std::fabs(sum_of(differences));
  const double rounding = 1e-12 * (1 + observed);
  std::mt19937_64 random(seed);
  int as_far = 1;
  for (int round = 0; round < kPermutations; ++round) {
    double sum = 0;
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < differences.size(); ++i) {
      if (i % 64 == 0) bits = random();
      sum += (bits & 1) != 0 ? differences[i] : -differences[i];
      bits >>= 1;
    }
    as_far += std::fabs(sum) >= observed - rounding ? 1 : 0;
  }
  return static_cast<double>(as_far) / (kPermutations + 1);
}

template <typename Test>
std::size_t count_if(const std::vector<double>& values, Test test) {
  return static_cast<std::size_t>(std::count_if(values.begin(), values.end(), test));
}

}  // namespace

PairedTest paired_test(const std::map<std::string, double>& baseline,
                       const std::map<std::string, double>& candidate, std::uint64_t seed) {
  std::vector<double> differences;
  for (const auto& [query, value] : candidate) {
    const auto found = baseline.find(query);
    if (found != baseline.end()) differences.push_back(value - found->second);
  }
  if (differences.empty()) throw InvalidArgument("compare: no query is judged in both runs");
  const double mean = sum_of(differences) / static_cast<double>(differences.size());
  return {.queries = differences.size(),
          .difference = mean,
          .p_t = t_test(differences, mean),
          .p_randomisation = randomisation_test(differences, seed),
          .wins = count_if(differences, [](double d) { return d > 0; }),
          .losses = count_if(differences, [](double d) { return d < 0; })};
}

std::vector<double> holm(const std::vector<double>& p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> corrected(p_values.size());
  double largest = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto tests_left = static_cast<double>(order.size() - i);
    largest = std::max(largest, std::min(1.0, tests_left * p_values[order[i]]));
    corrected[order[i]] = largest;
  }
  return corrected;
}

}  // namespace narabi::eval
