// Whether one run is better than another by more than chance: paired tests over queries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace narabi::eval {

struct PairedTest {
  std::size_t queries = 0;           // judged in both
  double difference = 0;             // mean of (candidate - baseline)
  double p_t = 1;                    // Student's paired t-test, two-sided
  double p_randomisation = 1;        // Fisher's randomisation test, two-sided, 10,000 random signs
  std::size_t wins = 0, losses = 0;  // queries that the candidate does better or worse; else ties
};

// Values of one metric by query, as evaluate_per_query() gives them; queries of one side only are
// left out. Throws InvalidArgument when no query is in both. The same seed gives the same p on
// every machine.
PairedTest paired_test(const std::map<std::string, double>& baseline,
                       const std::map<std::string, double>& candidate, std::uint64_t seed);

// Holm's step-down correction of the p values of a family of tests, in the order given: rejecting
// what is below alpha makes one false rejection or more with a probability of at most alpha.
std::vector<double> holm(const std::vector<double>& p_values);

}  // namespace narabi::eval
