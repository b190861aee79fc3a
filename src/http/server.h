// The listener: connections in, requests to the router, answers out, and an orderly end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "http/router.h"

namespace narabi::http {

class Server {
 public:
  // Binds and listens; throws IoError naming the address.
  explicit Server(Router& router);
  ~Server();

  std::uint16_t port() const;         // the one that was given, or the free one that was found
  std::uint16_t inside_port() const;  // 0: none
  std::string address() const;        // "http://127.0.0.1:8080", "unix:/run/narabi.sock"

  // Serves until `stop` is true (asked ten times a second) or SIGTERM comes, then drains: requests
  // under way are answered, for at most drain_seconds. Gives how many connections were cut off.
  std::size_t run(const std::function<bool()>& stop);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narabi::http
