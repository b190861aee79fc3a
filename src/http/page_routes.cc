// The files that are built into the binary: the web page and the description of the API.
#include "http/app.h"
#include "http/assets.h"

namespace narabi::http {
namespace {

void page(App&, const ExchangePtr&, const Reply& reply) {
  reply({.content_type = "text/html; charset=utf-8",
         .body = std::string(kPage),
         .headers = {{"cache-control", "no-cache"},
                     {"content-security-policy",
                      "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
                      "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
                      "frame-ancestors 'none'"}}});
}

void openapi(App&, const ExchangePtr&, const Reply& reply) {
  reply({.body = std::string(kOpenApi), .headers = {}});
}

}  // namespace

std::vector<Route> page_routes() {
  return {
      {"GET", "/", page, Guard::kOpen},
      {"GET", "/openapi.json", openapi, Guard::kOpen},
  };
}

}  // namespace narabi::http
