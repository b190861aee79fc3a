// Text to the terms that BM25 counts: MeCab words, and characters with their pairs.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/morphology.h"

namespace narabi::retrieve {

// The terms of one text, by granularity; both of NFKC, lower-cased text, both of letters and digits
// only.
struct Terms {
  std::vector<std::string> words;  // MeCab surfaces (ipadic)
  std::vector<std::string>
      grams;  // single characters, and pairs inside a run of letters and digits
};

// One thread's analyser. `morphology` may be null: no words then.
class Analyzer {
 public:
  // `grams`: whether there are any that count in a score.
  Analyzer(const text::Morphology* morphology, bool grams);
  void analyze(std::string_view text, Terms& terms);
  // The terms that a query is searched by. With grams, they leave out what pairs say as well and
  // nearly every document holds: words of hiragana alone, and hiragana that stand in a pair.
  void analyze_query(std::string_view text, Terms& terms);

 private:
  void analyze(std::string_view text, bool hiragana, Terms& terms);
  void add_words(std::string_view text, bool hiragana, std::vector<std::string>& words);

  std::unique_ptr<text::Morphology::Worker> worker_;
  bool grams_;
  std::vector<std::string_view> surfaces_;
};

}  // namespace narabi::retrieve
