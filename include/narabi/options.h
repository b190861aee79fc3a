// Options that every command and class which loads a model understands.
#pragma once

#include <map>
#include <string>

namespace narabi {

// Which side of a pair gives way when it is longer than max_length.
enum class Truncation {
  kOnlySecond,  // the query is kept; a query that alone does not fit is cut at its end and reported
  kLongestFirst,  // one token at a time from the longer side, as sentence-transformers does
};

enum class Precision {
  kAuto,  // the fastest whose quality gate holds; f32 for a folder that records none
  kF32,
  kBf16,  // linear layers and attention multiply bf16 (attention 16-bit integers where CPUs have
          // these alone or do them faster), sums in f32
  kInt8,  // linear layers multiply int8 with a scale a token and a channel, attention as in bf16
          // (both: but for the layers that narabi.json names)
};

struct ModelOptions {
  Precision precision = Precision::kAuto;
  Truncation truncation = Truncation::kOnlySecond;
  int max_length = 0;  // tokens, special tokens included; 0: the model's limit, a reranker's <= 512
  int threads = 0;     // 0: the cores that the cgroup allows
};

// What an embedder puts in front of texts, by name: "query", "document".
using Prompts = std::map<std::string, std::string>;

}  // namespace narabi
