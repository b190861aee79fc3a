// From a request to the route that answers it: path, method, key, content type, deadline, load.
#pragma once

#include <map>
#include <string>

#include "http/app.h"

namespace narabi::http {

class Router {
 public:
  explicit Router(App app);
  // Never throws; `reply` is called once, with every header that is the same for all routes.
  void handle(const ExchangePtr& exchange, const Reply& reply);
  // The answer to what never came to a handler (too large, too slow, no HTTP), or comes back from
  // it too late; else like handle(): in the shape of the route it was meant for, counted, logged.
  Response refuse(Exchange& exchange, const HttpError& error);
  const ServerOptions& options() const { return app_.options; }
  service::Service& service() { return app_.service; }

 private:
  const Route* find(const Exchange& exchange) const;  // null where there is none
  HttpError no_route(const Exchange& exchange) const;
  bool hidden(const Route& route, const Exchange& exchange) const;
  void check(const Route& route, const Exchange& exchange) const;
  void set_deadline(Exchange& exchange) const;
  bool preflight(const ExchangePtr& exchange, const Reply& reply) const;
  void dress(const Exchange& exchange, Response& response) const;
  void count(const Route* route, const Exchange& exchange, const Response& response);
  void finish(const Route* route, Exchange& exchange, Response& response);

  App app_;
  std::map<std::string, std::vector<Route>, std::less<>> routes_;
};

}  // namespace narabi::http
