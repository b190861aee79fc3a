// /rerank and its namesakes.
#include "http/app.h"
#include "http/json_writer.h"
#include "http/rerank_request.h"
#include "narabi/version.h"

namespace narabi::http {
namespace {

using service::Failure;
using service::PassageScore;
using service::RerankResult;

constexpr const char* kWarning = "some documents were longer than the model reads and were cut";

double score_of(const RerankRequest& request, const RerankResult& result,
                const PassageScore& passage) {
  if (request.raw_scores) return passage.logit;
  return request.calibrated ? result.stages.back()->probability(passage.logit) : passage.score;
}

void write_score(JsonWriter& json, const RerankRequest& request, double score) {
  if (request.raw_scores) {
    json.number(static_cast<float>(score));
  } else {
    json.number(score);
  }
}

void write_details(JsonWriter& json, const PassageScore& passage) {
  json.key("logit").number(passage.logit).key("tokens").integer(passage.tokens);
  json.key("truncated").flag(passage.truncated);
  json.key("query_truncated").flag(passage.query_truncated);
  json.key("stage").integer(passage.stage).key("windows").integer(passage.windows);
}

void write_document(JsonWriter& json, const RerankRequest& request, std::size_t index) {
  if (request.documents.empty() || request.documents[index].type != Value::Type::kObject) {
    json.begin_object().key("text").text(request.passages[index]).end_object();
  } else if (request.documents[index].find("text") != nullptr) {
    json.raw(to_json(request.documents[index]));
  } else {  // clients read document.text
    Value document = request.documents[index];
    document.object.emplace_back("text", Value{.type = Value::Type::kString,
                                               .text = request.passages[index],
                                               .array = {},
                                               .object = {}});
    json.raw(to_json(document));
  }
}

// How many of the order: scores fall along it.
std::size_t shown(const RerankRequest& request, const RerankResult& result) {
  const std::size_t all = result.order.size();
  std::size_t count = request.top_n == 0 ? all : std::min(request.top_n, all);
  if (!request.min_score) return count;
  const auto below = [&](std::size_t index) {  // as it is written: write_score
    const double score = score_of(request, result, result.passages[index]);
    return request.raw_scores ? static_cast<float>(score) < static_cast<float>(*request.min_score)
                              : score < *request.min_score;
  };
  while (count > 0 && below(result.order[count - 1])) --count;
  return count;
}

// Elasticsearch's parser throws at any other field, so there are no others unless asked for.
void write_tei(JsonWriter& json, const RerankRequest& request, const RerankResult& result) {
  json.begin_array();
  for (std::size_t i = 0, count = shown(request, result); i < count; ++i) {
    const std::size_t index = result.order[i];
    json.begin_object().key("index").integer(static_cast<std::int64_t>(index));
    if (request.return_documents) json.key("text").text(request.passages[index]);
    write_score(json.key("score"), request, score_of(request, result, result.passages[index]));
    if (request.details) write_details(json, result.passages[index]);
    json.end_object();
  }
  json.end_array();
}

void write_results(JsonWriter& json, const RerankRequest& request, const RerankResult& result) {
  json.begin_array();
  for (std::size_t i = 0, count = shown(request, result); i < count; ++i) {
    const std::size_t index = result.order[i];
    json.begin_object().key("index").integer(static_cast<std::int64_t>(index));
    write_score(json.key("relevance_score"), request,
                score_of(request, result, result.passages[index]));
    if (request.return_documents) {
      json.key("document");
      if (request.shape == RerankShape::kVoyage) {
        json.text(request.passages[index]);
      } else {
        write_document(json, request, index);
      }
    }
    if (request.details) write_details(json, result.passages[index]);
    json.end_object();
  }
  json.end_array();
}

void write_usage(JsonWriter& json, const RerankResult& result) {
  const auto tokens = static_cast<std::int64_t>(result.tokens);
  json.key("usage").begin_object().key("total_tokens").integer(tokens);
  json.key("prompt_tokens").integer(tokens).end_object();
}

// One body that Cohere's, Jina's, vLLM's and llama.cpp's clients all read.
void write_documents_answer(JsonWriter& json, const App& app, const RerankRequest& request,
                            const RerankResult& result, const Exchange& exchange) {
  constexpr std::size_t kDocumentsOfASearchUnit = 100;
  const bool v2 = request.shape == RerankShape::kCohereV2;
  json.begin_object().key("id").text(exchange.id);
  json.key("model").text(model_names(app, result.stages));
  json.key("model_version").text(exchange.model);
  write_results(json.key("results"), request, result);
  write_usage(json, result);
  json.key("meta").begin_object();
  json.key("api_version").begin_object().key("version").text(v2 ? "2" : "1").end_object();
  json.key("billed_units").begin_object().key("search_units");
  json.integer(static_cast<std::int64_t>((request.passages.size() + kDocumentsOfASearchUnit - 1) /
                                         kDocumentsOfASearchUnit));
  json.end_object();
  if (exchange.truncated > 0) json.key("warnings").begin_array().text(kWarning).end_array();
  json.end_object().end_object();
}

void write_voyage(JsonWriter& json, const App& app, const RerankRequest& request,
                  const RerankResult& result) {
  json.begin_object().key("object").text("list");
  write_results(json.key("data"), request, result);
  json.key("model").text(model_names(app, result.stages));
  write_usage(json, result);
  json.end_object();
}

void write_weaviate(JsonWriter& json, const RerankRequest& request, const RerankResult& result) {
  json.begin_object().key("query").text(request.query).key("scores").begin_array();
  for (std::size_t i = 0; i < result.passages.size(); ++i) {
    json.begin_object().key("document").text(request.passages[i]);
    write_score(json.key("score"), request, score_of(request, result, result.passages[i]));
    json.end_object();
  }
  json.end_array().end_object();
}

Response render(const App& app, const RerankRequest& request, const RerankResult& result,
                const Exchange& exchange) {
  JsonWriter json;
  switch (request.shape) {
    case RerankShape::kTei:
      write_tei(json, request, result);
      break;
    case RerankShape::kVoyage:
      write_voyage(json, app, request, result);
      break;
    case RerankShape::kWeaviate:
      write_weaviate(json, request, result);
      break;
    default:
      write_documents_answer(json, app, request, result, exchange);
  }
  return {.body = json.take(), .headers = {}};
}

Response answer(const App& app, const RerankRequest& request,
                const std::variant<RerankResult, Failure>& outcome, Exchange& exchange) {
  if (const auto* failure = std::get_if<Failure>(&outcome))
    return failure_response(*failure, ErrorShape::kText);
  const auto& result = std::get<RerankResult>(outcome);
  note_result(result, exchange);
  if (!request.truncate && exchange.truncated > 0) {
    const char* field = request.shape == RerankShape::kTei ? "texts" : "documents";
    return error_response(too_long(field, *result.stages.back(), exchange), ErrorShape::kText);
  }
  return render(app, request, result, exchange);
}

void rerank(App& app, const ExchangePtr& exchange, const Reply& reply, RerankShape shape) {
  auto request = std::make_shared<RerankRequest>(
      parse_rerank(exchange->request.body, shape, app.options.max_batch));
  apply_timeout(request->timeout, *exchange);
  service::RerankQuery query{.stages = resolve(app, request->model, service::ModelKind::kReranker),
                             .queries = {request->query},
                             .passages = request->passages,
                             .keep = request->keep,
                             .max_passage = request->max_passage};
  if (request->calibrated && !query.stages.back()->calibration())
    throw HttpError(422, "validation",
                    "calibrated: the model's folder has no calibration in narabi.json",
                    "calibrated");
  app.service.rerank(std::move(query), exchange->ticket,
                     [&app, exchange, reply, request](const auto& outcome) {
                       reply(answer(app, *request, outcome, *exchange));
                     });
}

template <RerankShape shape>
void handle_rerank(App& app, const ExchangePtr& exchange, const Reply& reply) {
  rerank(app, exchange, reply, shape);
}

}  // namespace

std::vector<Route> rerank_routes() {
  return {
      {"POST", "/rerank", handle_rerank<RerankShape::kJina>},
      {"POST", "/v1/rerank", handle_rerank<RerankShape::kJina>},
      {"POST", "/v2/rerank", handle_rerank<RerankShape::kCohereV2>},
      {"POST", "/voyage/v1/rerank", handle_rerank<RerankShape::kVoyage>},
      {"POST", "/weaviate/rerank", handle_rerank<RerankShape::kWeaviate>},
  };
}

}  // namespace narabi::http
