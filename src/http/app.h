// What every route can reach, and how routes are written down.
#pragma once

#include <string>
#include <vector>

#include "http/errors.h"
#include "http/message.h"
#include "http/server_options.h"
#include "service/service.h"

namespace narabi::http {

struct App {
  service::Service& service;
  const ServerOptions& options;
};

enum class Guard {
  kOpen,   // health, the page, the documentation
  kKey,    // an API key where the server has any
  kAdmin,  // the admin token
};

struct Route {
  const char* method;
  const char* path;
  // Throws HttpError for a request it refuses; otherwise replies once.
  void (*handle)(App&, const ExchangePtr&, const Reply&);
  Guard guard = Guard::kKey;
  ErrorShape errors = ErrorShape::kText;
};

// Each file of routes gives its part of the table.
std::vector<Route> rerank_routes();
std::vector<Route> score_routes();
std::vector<Route> embed_routes();
std::vector<Route> tokenize_routes();
std::vector<Route> search_routes();
std::vector<Route> info_routes();
std::vector<Route> admin_routes();
std::vector<Route> page_routes();

// Shared by the files of routes.
// The models of a request; HttpError 404 where a name is unknown.
std::vector<service::ModelPtr> resolve(const App& app, const std::string& name,
                                       service::ModelKind kind);
// "name" or "name>name", as the answer's `model` says it.
std::string model_names(const App& app, const std::vector<service::ModelPtr>& stages);
// Puts down model, counts and times for the log, the metrics and the answer's headers.
void note_result(const service::RerankResult& result, Exchange& exchange);
void note_model(const std::vector<service::ModelPtr>& stages, Exchange& exchange);
void note_cut(std::size_t index, Exchange& exchange);  // of an input, in their order
// The refusal where something was cut and the request said not to; `field` has the inputs.
HttpError too_long(const std::string& field, const service::Model& model, const Exchange& exchange);
// The body's `timeout` (seconds), which may only shorten what the header or the server set.
void apply_timeout(const std::optional<double>& seconds, Exchange& exchange);
std::string unique_id();  // 32 hexadecimal digits in UUID form

}  // namespace narabi::http
