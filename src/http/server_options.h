// What `narabi serve` can be told, apart from the models.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace narabi::http {

enum class LogFormat { kJson, kText, kOff };

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;  // 0: any free one
  std::string unix_socket;    // instead of host and port
  // Its own port for /metrics and the admin API (0: any free one), which the main port then does
  // not have; none: both are on the main port.
  std::optional<std::uint16_t> inside_port;
  int io_threads = 2;

  std::size_t body_limit = 8'000'000;  // bytes
  std::size_t header_limit = 32 * 1024;
  std::size_t max_batch = 1024;  // documents, texts or pairs of a request
  std::size_t max_connections = 20'000;
  double request_seconds = 30;  // deadline of a request that names none
  double max_request_seconds = 600;
  double header_seconds = 10;  // for a whole request line and headers
  double body_seconds = 30;
  double idle_seconds = 75;  // between requests of a connection
  double write_seconds = 30;
  double drain_seconds = 30;  // after SIGTERM

  std::vector<std::string> api_keys;  // empty: open to all
  std::string admin_token;            // empty: no admin API
  std::string cors_origin;            // empty: no CORS
  std::string served_name;            // what /info and answers call the first model
  LogFormat log = LogFormat::kText;
};

}  // namespace narabi::http
