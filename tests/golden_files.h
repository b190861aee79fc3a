// The golden files of tests/golden, as the tests read them.
#pragma once

#include <string>
#include <vector>

#include "narabi/options.h"
#include "narabi/tokenizer.h"

namespace narabi::golden {

struct GoldenPair {
  std::string query, passage;
};

// A line of golden.jsonl.xz.
struct Golden {
  std::size_t pair = 0;
  int max_length = 0;
  Truncation truncation = Truncation::kOnlySecond;
  Encoding encoding;
  double logit = 0;
};

struct GoldenVector {
  std::string text, prompt;  // prompt: empty for none
  std::vector<float> vector;
};

struct GoldenScore {
  std::size_t pair = 0;
  double score = 0;
};

std::string root();                    // tests/golden
std::vector<std::string> rerankers();  // names of folders with golden.jsonl.xz
std::vector<std::string> embedders();  // names of folders with embed.jsonl.xz
std::vector<GoldenPair> read_pairs();
const std::vector<Golden>& read_goldens(const std::string& name);  // parsed once a process
std::vector<GoldenVector> read_vectors(const std::string& name);
std::vector<GoldenScore> read_scores(
    const std::string& name);  // of sentence-transformers' CrossEncoder

}  // namespace narabi::golden
