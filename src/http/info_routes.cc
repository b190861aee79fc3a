// What the server says about itself: health, readiness, models, TEI's /info, metrics.
#include <ctime>

#include "http/app.h"
#include "http/json_writer.h"
#include "http/metrics.h"
#include "narabi/version.h"

namespace narabi::http {
namespace {

using service::ModelKind;

void health(App& app, const ExchangePtr&, const Reply& reply) {
  if (!app.service.healthy())
    throw HttpError(503, "unhealthy", "the engine has not come back from a batch for two minutes");
  reply({.body = R"({"status":"ok"})", .headers = {}});
}

void ready(App& app, const ExchangePtr& exchange, const Reply& reply) {
  if (app.service.draining()) throw HttpError(503, "unhealthy", "the server is shutting down");
  health(app, exchange, reply);
}

void no_content(App& app, const ExchangePtr&, const Reply& reply) {
  if (app.service.draining() || !app.service.healthy())
    throw HttpError(503, "unhealthy", "the server is shutting down");
  reply({.status = 204, .body = {}, .headers = {}});
}

// The first key of model_type tells clients what the server is.
void write_type(JsonWriter& json, ModelKind kind) {
  json.key("model_type").begin_object();
  if (kind == ModelKind::kReranker) {
    json.key("reranker").begin_object();
    json.key("id2label").begin_object().key("0").text("LABEL_0").end_object();
    json.key("label2id").begin_object().key("LABEL_0").integer(0).end_object().end_object();
  } else {
    json.key("embedding").begin_object().key("pooling").text("mean").end_object();
  }
  json.end_object();
}

service::ModelPtr main_model(const App& app) {
  auto model = app.service.models().find("", ModelKind::kReranker);
  return model ? model : app.service.models().find("", ModelKind::kEmbedder);
}

void info(App& app, const ExchangePtr&, const Reply& reply) {
  const service::ModelPtr model = main_model(app);
  const auto& options = app.service.options();
  const std::string name = model_names(app, {model});
  JsonWriter json;
  json.begin_object().key("model_id").text(name).key("model_sha").text(model->fingerprint());
  json.key("model_dtype").text(model->summary().stored_as);
  json.key("served_model_name").text(name);
  write_type(json, model->kind());
  json.key("max_concurrent_requests");
  json.integer(static_cast<std::int64_t>(options.max_open_requests));
  json.key("max_input_length").integer(model->max_length());
  json.key("max_batch_tokens");
  json.integer(static_cast<std::int64_t>(options.scheduler.max_batch_tokens));
  json.key("max_batch_requests").null();
  json.key("max_client_batch_size").integer(static_cast<std::int64_t>(app.options.max_batch));
  json.key("auto_truncate").flag(true).key("tokenization_workers");
  json.integer(options.model.threads).key("version").text(version());
  json.key("sha").null().key("docker_label").null();
  json.key("search").flag(app.service.searches()).key("retrievers").begin_array();
  if (app.service.searches()) json.text("bm25");
  if (app.service.searches_vectors()) json.text("dense").text("hybrid");
  json.end_array().end_object();
  reply({.body = json.take(), .headers = {}});
}

void models(App& app, const ExchangePtr&, const Reply& reply) {
  JsonWriter json;
  json.begin_object().key("object").text("list").key("data").begin_array();
  for (const service::ModelPtr& model : app.service.models().all()) {
    json.begin_object().key("id").text(model_names(app, {model})).key("object").text("model");
    json.key("created").integer(static_cast<std::int64_t>(std::time(nullptr)));
    json.key("owned_by").text("narabi");
    json.key("type").text(model->kind() == ModelKind::kReranker ? "reranker" : "embedder");
    json.key("version").text(model->version()).key("max_model_len").integer(model->max_length());
    json.key("parameters").integer(model->summary().parameters).end_object();
  }
  json.end_array().end_object();
  reply({.body = json.take(), .headers = {}});
}

void metrics(App& app, const ExchangePtr&, const Reply& reply) {
  reply({.content_type = "text/plain; version=0.0.4; charset=utf-8",
         .body = metrics_text(app),
         .headers = {}});
}

}  // namespace

std::vector<Route> info_routes() {
  return {
      {"GET", "/health", health, Guard::kOpen},
      {"GET", "/healthz", health, Guard::kOpen},
      {"GET", "/ping", health, Guard::kOpen},
      {"GET", "/ready", ready, Guard::kOpen},
      {"GET", "/metrics", metrics, Guard::kOpen},
      {"GET", "/info", info},
      {"GET", "/v1/models", models, Guard::kKey, ErrorShape::kOpenAi},
      {"GET", "/weaviate/.well-known/ready", no_content, Guard::kOpen},
      {"GET", "/weaviate/.well-known/live", no_content, Guard::kOpen},
      {"GET", "/weaviate/meta", info, Guard::kOpen},
  };
}

}  // namespace narabi::http
