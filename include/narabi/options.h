// Options that every command and class which loads a model understands.
#pragma once

namespace narabi {

// Which side of a pair gives way when it is longer than max_length.
enum class Truncation {
  kOnlySecond,  // the query is kept; a query that alone does not fit is cut at its end and reported
  kLongestFirst,  // one token at a time from the longer side, as sentence-transformers does
};

enum class Precision {
  kAuto,  // the fastest whose quality gate holds; today that is f32
  kF32,
};

struct ModelOptions {
  Precision precision = Precision::kAuto;
  Truncation truncation = Truncation::kOnlySecond;
  int max_length = 0;  // tokens, special tokens included; 0: the model's own limit, at most 512
  int threads = 0;     // 0: the cores that the cgroup allows
};

}  // namespace narabi
