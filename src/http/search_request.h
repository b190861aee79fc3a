// narabi's own /search.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "narabi/index.h"

namespace narabi::http {

struct SearchRequest {
  std::string query, model;
  SearchOptions first_stage;
  std::size_t top_n = 10;
  std::optional<double> blend, timeout;
  std::optional<double> min_score;  // hits whose relevance_score is below are left out
  bool rerank = true;
};

SearchRequest parse_search(std::string_view body);

}  // namespace narabi::http
