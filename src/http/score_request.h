// Lists of pairs: vLLM's /score and TEI's /predict.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narabi::http {

struct PairsRequest {
  std::string model;
  std::vector<std::string> queries;  // one for all passages, or one each
  std::vector<std::string> passages;
  const char* passages_field = "";  // what the request calls them
  bool raw_scores = false;
  bool truncate = true;  // false: an input that does not fit is an error
  bool nested = false;   // /predict: inputs was a list of lists
  std::optional<double> timeout;
};

PairsRequest parse_score(std::string_view body, std::size_t max_pairs);
PairsRequest parse_predict(std::string_view body, std::size_t max_pairs);

}  // namespace narabi::http
