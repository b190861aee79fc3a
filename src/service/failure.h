// Why a request has no answer: an ordinary outcome, so a value.
#pragma once

#include <string>

namespace narabi::service {

enum class FailureKind {
  kInvalid,       // the request makes no sense; `field` names where
  kUnknownModel,  // no slot of that name
  kOverloaded,    // the queue is full; `retry_after` seconds
  kDraining,      // the service is going down
  kExpired,       // the deadline came first
  kCancelled,     // the caller went away
  kModelFailure,  // the engine threw
};

struct Failure {
  FailureKind kind = FailureKind::kInvalid;
  std::string message;
  std::string field;
  int retry_after = 1;  // seconds, kOverloaded and kDraining
};

}  // namespace narabi::service
