// narabi's own /search.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace narabi::http {

struct SearchRequest {
  std::string query, filter, model;
  std::size_t candidates = 100, top_n = 10;
  std::optional<double> blend, timeout;
  bool rerank = true;
};

SearchRequest parse_search(std::string_view body);

}  // namespace narabi::http
