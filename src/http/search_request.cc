#include "http/search_request.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "http/fields.h"
#include "http/http_error.h"

namespace narabi::http {
namespace {

// The field's value out of a few names; `fallback` where it is not there.
template <typename Choice>
Choice choose(const Fields& fields, const char* key, Choice fallback,
              std::initializer_list<std::pair<const char*, Choice>> names) {
  const auto given = fields.optional_text(key);
  if (!given) return fallback;
  std::string expected;
  for (const auto& [name, choice] : names) {
    if (*given == name) return choice;
    expected += (expected.empty() ? "" : ", ") + std::string(name);
  }
  throw HttpError(422, "validation", std::string(key) + ": expected one of " + expected, key);
}

double between(const Fields& fields, const char* key, double fallback, double most) {
  const double value = fields.number(key).value_or(fallback);
  if (value >= 0 && value <= most) return value;
  throw HttpError(422, "validation",
                  std::string(key) + ": expected 0 to " + std::to_string(static_cast<int>(most)),
                  key);
}

SearchOptions parse_first_stage(const Fields& fields, std::size_t top_n) {
  constexpr std::size_t kMostCandidates = 1000;
  SearchOptions out;
  out.retriever = choose(
      fields, "retriever", out.retriever,
      {{"bm25", Retriever::kBm25}, {"dense", Retriever::kDense}, {"hybrid", Retriever::kHybrid}});
  out.fusion =
      choose(fields, "fusion", out.fusion, {{"rrf", Fusion::kRank}, {"convex", Fusion::kScore}});
  out.rrf_k = between(fields, "rrf_k", out.rrf_k, 1'000'000);
  out.dense_weight = between(fields, "dense_weight", out.dense_weight, 1);
  out.exact = fields.flag("exact", false);
  out.filter = fields.optional_text("filter").value_or("");
  out.candidates = fields.count("candidates")
                       .value_or(std::max(out.candidates, std::min(top_n, kMostCandidates)));
  if (out.candidates == 0 || out.candidates > kMostCandidates)
    throw HttpError(422, "validation", "candidates: expected 1 to 1000", "candidates");
  return out;
}

}  // namespace

SearchRequest parse_search(std::string_view body) {
  const Value root = parse_json(body);
  const Fields fields(root);
  SearchRequest out;
  out.query = fields.text("query");
  if (out.query.find_first_not_of(" \t\r\n") == std::string::npos)
    throw HttpError(400, "empty", "query: expected a text, found an empty one", "query");
  out.top_n = fields.count("top_n").value_or(out.top_n);
  if (out.top_n == 0) throw HttpError(422, "validation", "top_n: expected at least 1", "top_n");
  out.first_stage = parse_first_stage(fields, out.top_n);
  out.blend = fields.number("blend");
  out.timeout = fields.number("timeout");
  out.min_score = fields.number("min_score");
  out.model = fields.optional_text("model").value_or("");
  out.rerank = fields.flag("rerank", true);
  return out;
}

}  // namespace narabi::http
