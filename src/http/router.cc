#include "http/router.h"

#include <charconv>
#include <cmath>

#include "http/api_keys.h"
#include "http/json_value.h"
#include "http/log.h"

namespace narabi::http {
namespace {

// "2", "0.5", "500ms", "2s": seconds.
double parse_timeout(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error == std::errc() && unit == "ms") value /= 1000;
  if (error != std::errc() || (unit != "" && unit != "s" && unit != "ms") || !(value > 0) ||
      !std::isfinite(value)) {
    throw HttpError(400, "validation",
                    "x-request-timeout: expected seconds > 0, as in 2, 0.5 or 500ms",
                    "x-request-timeout");
  }
  return value;
}

bool is_json(std::string_view type) {
  type = type.substr(0, type.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  return same_name(type, "application/json") ||
         (type.size() > 5 && same_name(type.substr(type.size() - 5), "+json"));
}

void check_body(const Request& request) {
  const std::string_view encoding = request.header("content-encoding");
  if (!encoding.empty() && !same_name(encoding, "identity"))
    throw HttpError(415, "validation",
                    "content-encoding: expected none: bodies are read as they are",
                    "content-encoding");
  if (!is_json(request.header("content-type")))
    throw HttpError(415, "validation", "content-type: expected application/json", "content-type");
}

std::string methods(const std::vector<Route>& routes) {
  std::string out;
  for (const Route& route : routes) {
    out += (out.empty() ? "" : ", ") + std::string(route.method);
    if (std::string_view(route.method) == "GET") out += ", HEAD";
  }
  return out;
}

bool does_work(const Route& route) {
  return route.guard == Guard::kKey && std::string_view(route.method) == "POST";
}

std::string request_id(const Request& request) {
  const std::string_view given = request.header("x-request-id");
  const bool usable = !given.empty() && given.size() <= 128 &&
                      std::all_of(given.begin(), given.end(),
                                  [](char c) { return c > 0x20 && c < 0x7F && c != '"'; });
  return usable ? std::string(given) : unique_id();
}

// The error_type of a failure's body, for the log and the metrics.
std::string error_type_of(const Response& response) {
  try {
    const Value body = parse_json(response.body);
    const Value* type = body.find("error_type");
    return type == nullptr ? "unknown" : type->text;
  } catch (const HttpError&) {
    return "unknown";
  }
}

}  // namespace

Router::Router(App app) : app_(app) {
  for (const auto& part : {rerank_routes(), score_routes(), embed_routes(), tokenize_routes(),
                           search_routes(), info_routes(), admin_routes(), page_routes()})
    for (const Route& route : part) routes_[route.path].push_back(route);
}

bool Router::hidden(const Route& route, const Exchange& exchange) const {
  const std::string_view path = route.path;
  const bool admin = route.guard == Guard::kAdmin;
  if (admin && app_.options.admin_token.empty()) return true;
  if (!app_.options.inside_port || path == "/health" || path == "/ready") return false;
  return exchange.inside != (admin || path == "/metrics");
}

const Route* Router::find(const Exchange& exchange) const {
  const Request& request = exchange.request;
  const auto found = routes_.find(request.path);
  if (found == routes_.end() || hidden(found->second[0], exchange)) return nullptr;
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  for (const Route& route : found->second)
    if (method == route.method) return &route;
  return nullptr;
}

HttpError Router::no_route(const Exchange& exchange) const {
  const Request& request = exchange.request;
  const auto found = routes_.find(request.path);
  if (found == routes_.end() || hidden(found->second[0], exchange))
    return {404, "not_found", "no such route: see /openapi.json"};
  return {405, "method_not_allowed",
          "this route takes " + methods(found->second) + ", not " + request.method.substr(0, 20)};
}

void Router::check(const Route& route, const Exchange& exchange) const {
  const std::string_view key = key_of(exchange.request);
  if (route.guard == Guard::kAdmin && !same_secret(key, app_.options.admin_token))
    throw HttpError(401, "unauthorized", "expected the admin token as Authorization: Bearer TOKEN");
  if (route.guard == Guard::kKey && !app_.options.api_keys.empty() &&
      !is_known(key, app_.options.api_keys))
    throw HttpError(401, "unauthorized", "expected an API key as Authorization: Bearer KEY");
  if (std::string_view(route.method) != "GET" && !exchange.request.body.empty())
    check_body(exchange.request);
}

void Router::set_deadline(Exchange& exchange) const {
  double seconds = app_.options.request_seconds;
  const std::string_view given = exchange.request.header("x-request-timeout");
  if (!given.empty()) seconds = std::min(parse_timeout(given), app_.options.max_request_seconds);
  exchange.ticket->deadline =
      exchange.started +
      std::chrono::duration_cast<service::Clock::duration>(std::chrono::duration<double>(seconds));
}

bool Router::preflight(const ExchangePtr& exchange, const Reply& reply) const {
  const auto found = routes_.find(exchange->request.path);
  if (exchange->request.method != "OPTIONS" || found == routes_.end() ||
      hidden(found->second[0], *exchange))
    return false;
  Response response{.status = 204, .content_type = {}, .body = {}, .headers = {}};
  response.headers.emplace_back("allow", methods(found->second) + ", OPTIONS");
  if (!app_.options.cors_origin.empty()) {
    response.headers.emplace_back("access-control-allow-methods", methods(found->second));
    response.headers.emplace_back("access-control-allow-headers",
                                  "authorization, content-type, x-request-id, x-request-timeout");
    response.headers.emplace_back("access-control-max-age", "600");
  }
  dress(*exchange, response);
  reply(std::move(response));
  return true;
}

void Router::dress(const Exchange& exchange, Response& response) const {
  response.headers.emplace_back("x-request-id", exchange.id);
  const std::string_view trace = exchange.request.header("traceparent");
  if (!trace.empty()) response.headers.emplace_back("traceparent", trace);
  if (!exchange.model.empty()) response.headers.emplace_back("x-narabi-model", exchange.model);
  if (exchange.items > 0) {
    response.headers.emplace_back("x-narabi-truncated", std::to_string(exchange.truncated));
    response.headers.emplace_back("x-queue-time",
                                  std::to_string(static_cast<long>(exchange.queue_seconds * 1e3)));
    response.headers.emplace_back(
        "x-inference-time", std::to_string(static_cast<long>(exchange.inference_seconds * 1e3)));
  }
  if (response.status == 401) response.headers.emplace_back("www-authenticate", "Bearer");
  response.headers.emplace_back("x-content-type-options", "nosniff");
  if (!app_.options.cors_origin.empty())
    response.headers.emplace_back("access-control-allow-origin", app_.options.cors_origin);
}

void Router::count(const Route* route, const Exchange& exchange, const Response& response) {
  if (route == nullptr || !does_work(*route)) return;
  service::Stats& stats = app_.service.stats();
  ++stats.requests;
  if (response.status == 200) {
    ++stats.succeeded;
    stats.request.observe(
        std::chrono::duration<double>(service::Clock::now() - exchange.started).count());
  } else {
    stats.failed.add(exchange.error_type);
  }
}

void Router::finish(const Route* route, Exchange& exchange, Response& response) {
  if (response.status >= 400) exchange.error_type = error_type_of(response);
  count(route, exchange, response);
  dress(exchange, response);
  log_request(app_.options.log, exchange, response);
}

Response Router::refuse(Exchange& exchange, const HttpError& error) {
  if (exchange.id.empty()) exchange.id = request_id(exchange.request);
  const Route* route = find(exchange);
  Response response = error_response(error, route ? route->errors : ErrorShape::kText);
  finish(route, exchange, response);
  return response;
}

void Router::handle(const ExchangePtr& exchange, const Reply& reply) {
  exchange->id = request_id(exchange->request);
  if (preflight(exchange, reply)) return;
  const Route* route = find(*exchange);
  const ErrorShape shape = route ? route->errors : ErrorShape::kText;
  const Reply finished = [this, exchange, reply, route](Response response) {
    if (exchange->answered.exchange(true)) return;
    finish(route, *exchange, response);
    reply(std::move(response));
  };
  try {
    if (!route) throw no_route(*exchange);
    check(*route, *exchange);
    set_deadline(*exchange);
    if (does_work(*route) && app_.service.full()) {  // before the body is even read as JSON
      const int wait = std::max(1, static_cast<int>(std::ceil(app_.service.waiting_seconds())));
      return finished(failure_response({service::FailureKind::kOverloaded,
                                        "the server is at its limit; try again later",
                                        {},
                                        wait},
                                       shape));
    }
    route->handle(app_, exchange, finished);
  } catch (const HttpError& error) {
    Response response = error_response(error, shape);
    if (error.status() == 405)
      response.headers.emplace_back("allow", methods(routes_.find(exchange->request.path)->second));
    if (error.status() == 503) response.headers.emplace_back("retry-after", "5");
    finished(std::move(response));
  } catch (const std::exception& error) {
    finished(error_response(HttpError(500, "unknown", error.what()), shape));
  }
}

}  // namespace narabi::http
