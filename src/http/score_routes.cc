// vLLM's /score and TEI's /predict: scores in the order given.
#include <ctime>

#include "http/app.h"
#include "http/json_writer.h"
#include "http/score_request.h"

namespace narabi::http {
namespace {

using service::Failure;
using service::RerankResult;
using Outcome = std::variant<RerankResult, Failure>;

void write_score(JsonWriter& json, const PairsRequest& request,
                 const service::PassageScore& passage) {
  if (request.raw_scores) {
    json.number(passage.logit);
  } else {
    json.number(passage.score);
  }
}

std::string score_body(const App& app, const PairsRequest& request, const RerankResult& result,
                       const Exchange& exchange) {
  JsonWriter json;
  json.begin_object().key("id").text("score-" + exchange.id).key("object").text("list");
  json.key("created").integer(static_cast<std::int64_t>(std::time(nullptr)));
  json.key("model").text(model_names(app, result.stages));
  json.key("data").begin_array();
  for (std::size_t i = 0; i < result.passages.size(); ++i) {
    json.begin_object().key("index").integer(static_cast<std::int64_t>(i));
    json.key("object").text("score");
    write_score(json.key("score"), request, result.passages[i]);
    json.end_object();
  }
  const auto tokens = static_cast<std::int64_t>(result.tokens);
  json.end_array().key("usage").begin_object().key("prompt_tokens").integer(tokens);
  json.key("total_tokens").integer(tokens).key("completion_tokens").integer(0).end_object();
  json.end_object();
  return json.take();
}

std::string predict_body(const App&, const PairsRequest& request, const RerankResult& result,
                         const Exchange&) {
  JsonWriter json;
  json.begin_array();
  for (const service::PassageScore& passage : result.passages) {
    if (request.nested) json.begin_array();
    json.begin_object();
    write_score(json.key("score"), request, passage);
    json.key("label").text("LABEL_0").end_object();
    if (request.nested) json.end_array();
  }
  json.end_array();
  return json.take();
}

using Body = std::string (*)(const App&, const PairsRequest&, const RerankResult&, const Exchange&);

void submit(App& app, const ExchangePtr& exchange, const Reply& reply, PairsRequest request,
            ErrorShape errors, Body body) {
  apply_timeout(request.timeout, *exchange);
  service::RerankQuery query{.stages = resolve(app, request.model, service::ModelKind::kReranker),
                             .queries = std::move(request.queries),
                             .passages = std::move(request.passages)};
  app.service.rerank(std::move(query), exchange->ticket, [=, &app](const Outcome& outcome) {
    if (const auto* failure = std::get_if<Failure>(&outcome))
      return reply(failure_response(*failure, errors));
    const auto& result = std::get<RerankResult>(outcome);
    note_result(result, *exchange);
    if (!request.truncate && exchange->truncated > 0) {
      const service::Model& model = *result.stages.back();
      return reply(error_response(too_long(request.passages_field, model, *exchange), errors));
    }
    reply({.body = body(app, request, result, *exchange), .headers = {}});
  });
}

void score(App& app, const ExchangePtr& exchange, const Reply& reply) {
  submit(app, exchange, reply, parse_score(exchange->request.body, app.options.max_batch),
         ErrorShape::kOpenAi, score_body);
}

void predict(App& app, const ExchangePtr& exchange, const Reply& reply) {
  submit(app, exchange, reply, parse_predict(exchange->request.body, app.options.max_batch),
         ErrorShape::kText, predict_body);
}

}  // namespace

std::vector<Route> score_routes() {
  return {
      {"POST", "/score", score, Guard::kKey, ErrorShape::kOpenAi},
      {"POST", "/v1/score", score, Guard::kKey, ErrorShape::kOpenAi},
      {"POST", "/predict", predict},
  };
}

}  // namespace narabi::http
