// A request and its answer as values: what handlers see of HTTP, whatever library carries it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cctype>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "service/job.h"

namespace narabi::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

inline bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) ==
                  std::tolower(static_cast<unsigned char>(y));
         });
}

struct Request {
  std::string method;
  std::string path;   // without the query string
  std::string query;  // after the '?'
  Headers headers;
  std::string body;
  std::string peer;

  // The first of that name, without regard to case; empty where there is none.
  std::string_view header(std::string_view name) const {
    for (const auto& [key, value] : headers)
      if (same_name(key, name)) return value;
    return {};
  }
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  Headers headers;
};

// One request under way, with what the log and the metrics want to know of it.
struct Exchange {
  Request request;
  bool inside = false;  // it came over the inside port
  std::string id;       // x-request-id: the client's, or ours
  service::TicketPtr ticket = std::make_shared<service::Ticket>();
  service::Clock::time_point started = service::Clock::now();
  std::string model;  // "name@version" once it is known
  std::size_t items = 0, tokens = 0, truncated = 0;
  std::size_t first_cut = 0;  // of the truncated ones: which input it was
  double queue_seconds = 0, inference_seconds = 0;
  std::string error_type;             // of a failure
  std::atomic<bool> answered{false};  // or about to be: what comes later is let fall
};
using ExchangePtr = std::shared_ptr<Exchange>;

// Called once, from any thread.
using Reply = std::function<void(Response)>;

}  // namespace narabi::http
