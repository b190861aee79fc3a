// The admin API, only with an admin token: models, shadow, cache.
#include "http/app.h"
#include "http/fields.h"
#include "http/json_writer.h"
#include "narabi/error.h"

namespace narabi::http {
namespace {

void write_model(JsonWriter& json, const service::ModelPtr& model) {
  json.begin_object().key("name").text(model->name()).key("folder").text(model->folder());
  json.key("version").text(model->version());
  json.key("type").text(model->kind() == service::ModelKind::kReranker ? "reranker" : "embedder");
  json.key("loaded_in_s").number(model->loaded_in());
  json.key("tokens_per_second").number(model->tokens_per_second()).end_object();
}

void list(App& app, const ExchangePtr&, const Reply& reply) {
  JsonWriter json;
  json.begin_object().key("models").begin_array();
  for (const service::ModelPtr& model : app.service.models().all()) write_model(json, model);
  json.end_array().end_object();
  reply({.body = json.take(), .headers = {}});
}

// {"name", "folder"}: loads, warms up, then puts the model into its slot.
void load(App& app, const ExchangePtr& exchange, const Reply& reply) {
  const Value root = parse_json(exchange->request.body);
  const Fields fields(root);
  const std::string name = fields.text("name"), folder = fields.text("folder");
  if (!service::is_slot_name(name))
    throw HttpError(422, "validation", "name: expected a name without \">\" and control characters",
                    "name");
  app.service.background().post([&app, exchange, reply, name, folder] {
    try {
      const service::ModelPtr model = app.service.models().load(name, folder);
      ++app.service.stats().swaps;
      JsonWriter json;
      write_model(json, model);
      reply({.body = json.take(), .headers = {}});
    } catch (const std::exception& error) {
      reply(
          error_response(HttpError(422, "validation", error.what(), "folder"), ErrorShape::kText));
    }
  });
}

void unload(App& app, const ExchangePtr& exchange, const Reply& reply) {
  const Value root = parse_json(exchange->request.body);
  try {
    app.service.models().unload(Fields(root).text("name"));
  } catch (const InvalidArgument& error) {
    throw HttpError(422, "validation", error.what(), "name");
  }
  list(app, exchange, reply);
}

void shadow_report(App& app, const ExchangePtr&, const Reply& reply) {
  const service::ShadowReport report = app.service.shadow().report();
  JsonWriter json;
  json.begin_object().key("primary").text(report.primary).key("shadow").text(report.shadow);
  json.key("share").number(report.share);
  json.key("requests").integer(static_cast<std::int64_t>(report.requests));
  json.key("failed").integer(static_cast<std::int64_t>(report.failed));
  json.key("kendall_tau").number(report.kendall_tau);
  json.key("same_first").number(report.same_first).end_object();
  reply({.body = json.take(), .headers = {}});
}

// {"primary", "shadow", "share"}; share 0 ends it.
void set_shadow(App& app, const ExchangePtr& exchange, const Reply& reply) {
  const Value root = parse_json(exchange->request.body);
  const Fields fields(root);
  const double share = fields.number("share").value_or(1.0);
  if (!(share >= 0 && share <= 1))
    throw HttpError(422, "validation", "share: expected 0 to 1", "share");
  if (share == 0) {
    app.service.shadow().stop();
    return shadow_report(app, exchange, reply);
  }
  for (const char* key : {"primary", "shadow"}) {
    if (!app.service.models().exactly(fields.text(key)))
      throw HttpError(422, "validation",
                      std::string(key) + ": no slot has the name " + fields.text(key), key);
  }
  app.service.shadow().configure(fields.text("primary"), fields.text("shadow"), share);
  shadow_report(app, exchange, reply);
}

void clear_cache(App& app, const ExchangePtr&, const Reply& reply) {
  app.service.cache().clear();
  reply({.body = R"({"entries":0})", .headers = {}});
}

}  // namespace

std::vector<Route> admin_routes() {
  return {
      {"GET", "/admin/models", list, Guard::kAdmin},
      {"POST", "/admin/models", load, Guard::kAdmin},
      {"DELETE", "/admin/models", unload, Guard::kAdmin},
      {"GET", "/admin/shadow", shadow_report, Guard::kAdmin},
      {"POST", "/admin/shadow", set_shadow, Guard::kAdmin},
      {"POST", "/admin/cache/clear", clear_cache, Guard::kAdmin},
  };
}

}  // namespace narabi::http
