// /search: candidates of the index or corpus, then the reranker.
#include "http/app.h"
#include "http/json_writer.h"
#include "http/search_request.h"

namespace narabi::http {
namespace {

using service::Failure;
using service::SearchHit;
using service::SearchResult;

service::SearchQuery to_query(const App& app, const SearchRequest& request) {
  service::SearchQuery query{.query = request.query,
                             .first_stage = request.first_stage,
                             .stages = {},
                             .blend = request.blend};
  const bool any = app.service.models().find("", service::ModelKind::kReranker) != nullptr;
  if (request.rerank && (any || !request.model.empty()))
    query.stages = resolve(app, request.model, service::ModelKind::kReranker);
  return query;
}

// Which arms found it, where and with what score.
void write_arms(JsonWriter& json, const Index::Hit& hit) {
  if (hit.bm25_rank > 0) {
    json.key("bm25").number(hit.bm25);
    json.key("bm25_rank").integer(hit.bm25_rank);
  }
  if (hit.dense_rank > 0) {
    json.key("dense").number(hit.dense);
    json.key("dense_rank").integer(hit.dense_rank);
  }
  if (hit.bm25_rank > 0 && hit.dense_rank > 0) json.key("fused").number(hit.score);
}

void write_hit(JsonWriter& json, const SearchHit& hit, std::size_t rank) {
  const IndexedDocument& document = hit.found.document;
  json.begin_object().key("rank").integer(static_cast<std::int64_t>(rank));
  json.key("before").integer(static_cast<std::int64_t>(hit.before));
  json.key("id").text(document.id).key("score").number(hit.final_score);
  write_arms(json, hit.found);
  if (hit.reranked) {
    json.key("logit").number(hit.reranked->logit);
    json.key("relevance_score").number(hit.reranked->score);
    json.key("truncated").flag(hit.reranked->truncated);
  }
  if (!document.title.empty()) json.key("title").text(document.title);
  json.key("text").text(document.text);
  if (!document.metadata.empty()) json.key("metadata").raw(document.metadata);
  json.end_object();
}

// What a request asks of an answer, beside the search itself.
struct Shown {
  std::size_t top_n;
  std::optional<double> min_score;
  bool has(const SearchHit& hit) const {
    return !min_score || (hit.reranked && hit.reranked->score >= *min_score);
  }
};

std::string body_of(const App& app, const SearchResult& result, const Shown& shown,
                    const std::vector<service::ModelPtr>& stages, const Exchange& exchange) {
  JsonWriter json;
  json.begin_object().key("id").text(exchange.id);
  json.key("model");
  if (stages.empty()) {
    json.null();
  } else {
    json.text(model_names(app, stages));
  }
  json.key("found").integer(static_cast<std::int64_t>(result.hits.size()));
  json.key("documents").integer(static_cast<std::int64_t>(app.service.documents()));
  json.key("results").begin_array();
  std::size_t rank = 0;
  for (const SearchHit& hit : result.hits) {
    if (rank == shown.top_n) break;
    if (shown.has(hit)) write_hit(json, hit, ++rank);
  }
  json.end_array().key("timing").begin_object();
  json.key("retrieve_ms").number(result.retrieval_seconds * 1e3);
  json.key("embed_ms").number(result.parts.embed);
  json.key("queue_ms").number(result.queue_seconds * 1e3);
  json.key("rerank_ms").number(result.inference_seconds * 1e3).end_object().end_object();
  return json.take();
}

void handle_search(App& app, const ExchangePtr& exchange, const Reply& reply) {
  if (!app.service.searches())
    throw HttpError(404, "not_found",
                    "this server has no index; start it with --index or --corpus");
  const SearchRequest request = parse_search(exchange->request.body);
  apply_timeout(request.timeout, *exchange);
  service::SearchQuery query = to_query(app, request);
  if (request.min_score && query.stages.empty())
    throw HttpError(422, "validation", "min_score: expected a reranker to score the hits",
                    "min_score");
  const auto stages = query.stages;
  note_model(stages, *exchange);
  const Shown shown{request.top_n, request.min_score};
  app.service.search(
      std::move(query), exchange->ticket,
      [&app, exchange, reply, stages, shown](const std::variant<SearchResult, Failure>& outcome) {
        if (const auto* failure = std::get_if<Failure>(&outcome))
          return reply(failure_response(*failure, ErrorShape::kText));
        const auto& result = std::get<SearchResult>(outcome);
        exchange->items = result.hits.size();
        exchange->queue_seconds = result.queue_seconds;
        exchange->inference_seconds = result.inference_seconds;
        for (std::size_t i = 0; i < result.hits.size(); ++i)
          if (result.hits[i].reranked && result.hits[i].reranked->truncated) note_cut(i, *exchange);
        reply({.body = body_of(app, result, shown, stages, *exchange), .headers = {}});
      });
}

}  // namespace

std::vector<Route> search_routes() {
  return {{"POST", "/search", handle_search}};
}

}  // namespace narabi::http
