// /search: candidates of the index or corpus, then the reranker.
#include "http/app.h"
#include "http/fields.h"
#include "http/json_writer.h"

namespace narabi::http {
namespace {

using service::Failure;
using service::SearchHit;
using service::SearchResult;

struct Parsed {
  service::SearchQuery query;
  std::size_t top_n = 10;
};

Parsed parse(const App& app, std::string_view body, Exchange& exchange) {
  constexpr std::size_t kMostCandidates = 1000;
  const Value root = parse_json(body);
  const Fields fields(root);
  Parsed out;
  out.query.query = fields.text("query");
  if (out.query.query.find_first_not_of(" \t\r\n") == std::string::npos)
    throw HttpError(400, "empty", "query: expected a text, found an empty one", "query");
  out.query.filter = fields.optional_text("filter").value_or("");
  out.query.candidates = fields.count("candidates").value_or(out.query.candidates);
  if (out.query.candidates == 0 || out.query.candidates > kMostCandidates)
    throw HttpError(422, "validation", "candidates: expected 1 to 1000", "candidates");
  out.query.blend = fields.number("blend");
  out.top_n = fields.count("top_n").value_or(out.top_n);
  if (out.top_n == 0) throw HttpError(422, "validation", "top_n: expected at least 1", "top_n");
  apply_timeout(fields.number("timeout"), exchange);
  const std::string model = fields.optional_text("model").value_or("");
  if (fields.flag("rerank", true)) {
    const bool any = app.service.models().find("", service::ModelKind::kReranker) != nullptr;
    if (any || !model.empty())
      out.query.stages = resolve(app, model, service::ModelKind::kReranker);
  }
  return out;
}

void write_hit(JsonWriter& json, const SearchHit& hit, std::size_t rank, const std::string& stage) {
  json.begin_object().key("rank").integer(static_cast<std::int64_t>(rank));
  json.key("before").integer(static_cast<std::int64_t>(hit.before));
  json.key("id").text(hit.candidate.id).key("score").number(hit.final_score);
  json.key(stage).number(hit.candidate.score);
  if (hit.reranked) {
    json.key("logit").number(hit.reranked->logit);
    json.key("relevance_score").number(hit.reranked->score);
    json.key("truncated").flag(hit.reranked->truncated);
  }
  if (!hit.candidate.title.empty()) json.key("title").text(hit.candidate.title);
  json.key("text").text(hit.candidate.text).end_object();
}

std::string body_of(const App& app, const SearchResult& result, std::size_t top_n,
                    const std::vector<service::ModelPtr>& stages, const Exchange& exchange) {
  const std::size_t shown = std::min(top_n, result.hits.size());
  JsonWriter json;
  json.begin_object().key("id").text(exchange.id);
  json.key("model");
  if (stages.empty()) {
    json.null();
  } else {
    json.text(model_names(app, stages));
  }
  json.key("found").integer(static_cast<std::int64_t>(result.hits.size()));
  json.key("documents").integer(static_cast<std::int64_t>(app.service.candidates()->documents()));
  json.key("results").begin_array();
  for (std::size_t i = 0; i < shown; ++i)
    write_hit(json, result.hits[i], i + 1, app.service.candidates()->first_stage());
  json.end_array().key("timing").begin_object();
  json.key("retrieve_ms").number(result.retrieval_seconds * 1e3);
  json.key("queue_ms").number(result.queue_seconds * 1e3);
  json.key("rerank_ms").number(result.inference_seconds * 1e3).end_object().end_object();
  return json.take();
}

void handle(App& app, const ExchangePtr& exchange, const Reply& reply) {
  if (app.service.candidates() == nullptr)
    throw HttpError(404, "not_found",
                    "this server has no index; start it with --index or --corpus");
  Parsed parsed = parse(app, exchange->request.body, *exchange);
  const auto stages = parsed.query.stages;
  note_model(stages, *exchange);
  const std::size_t top_n = parsed.top_n;
  app.service.search(
      std::move(parsed.query), exchange->ticket,
      [&app, exchange, reply, stages, top_n](const std::variant<SearchResult, Failure>& outcome) {
        if (const auto* failure = std::get_if<Failure>(&outcome))
          return reply(failed(*failure, ErrorShape::kText, *exchange));
        const auto& result = std::get<SearchResult>(outcome);
        exchange->items = result.hits.size();
        exchange->queue_seconds = result.queue_seconds;
        exchange->inference_seconds = result.inference_seconds;
        reply({.body = body_of(app, result, top_n, stages, *exchange), .headers = {}});
      });
}

}  // namespace

std::vector<Route> search_routes() {
  return {{"POST", "/search", handle}};
}

}  // namespace narabi::http
