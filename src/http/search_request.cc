#include "http/search_request.h"

#include "http/fields.h"
#include "http/http_error.h"

namespace narabi::http {

SearchRequest parse_search(std::string_view body) {
  constexpr std::size_t kMostCandidates = 1000;
  const Value root = parse_json(body);
  const Fields fields(root);
  SearchRequest out;
  out.query = fields.text("query");
  if (out.query.find_first_not_of(" \t\r\n") == std::string::npos)
    throw HttpError(400, "empty", "query: expected a text, found an empty one", "query");
  out.filter = fields.optional_text("filter").value_or("");
  out.candidates = fields.count("candidates").value_or(out.candidates);
  if (out.candidates == 0 || out.candidates > kMostCandidates)
    throw HttpError(422, "validation", "candidates: expected 1 to 1000", "candidates");
  out.blend = fields.number("blend");
  out.top_n = fields.count("top_n").value_or(out.top_n);
  if (out.top_n == 0) throw HttpError(422, "validation", "top_n: expected at least 1", "top_n");
  out.timeout = fields.number("timeout");
  out.model = fields.optional_text("model").value_or("");
  out.rerank = fields.flag("rerank", true);
  return out;
}

}  // namespace narabi::http
