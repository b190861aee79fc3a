// One connection, from accept to close. Boost.Asio and Beast are known here and in server.cc only.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

#include "http/router.h"

namespace narabi::http {

// The connections that are open, so that the idle ones can be closed at the end.
class Connections {
 public:
  using Close = std::function<void()>;  // closes the connection if it is idle; from any thread
  std::list<Close>::iterator add(Close close);
  void remove(std::list<Close>::iterator entry);
  void close_idle();
  std::size_t count() const;

 private:
  mutable std::mutex mutex_;
  std::list<Close> open_;
};

struct SessionContext {
  Router& router;
  Connections& connections;
  std::atomic<bool>& draining;
  bool inside = false;  // of the inside port
};

}  // namespace narabi::http
