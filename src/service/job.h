// Work for one model, as the scheduler sees it: items that may be run in any batch.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/failure.h"
#include "service/model.h"

namespace narabi::service {

using Clock = std::chrono::steady_clock;

// What the caller and the service share about a request.
struct Ticket {
  Clock::time_point deadline = Clock::time_point::max();
  std::atomic<bool> cancelled{false};  // set by the caller when nobody waits any more
};
using TicketPtr = std::shared_ptr<Ticket>;

// Why nobody waits for the answer any more, where that is so.
inline std::optional<Failure> given_up(const Ticket& ticket) {
  if (ticket.cancelled) return Failure{FailureKind::kCancelled, "the client went away", {}, 1};
  if (ticket.deadline > Clock::now()) return std::nullopt;
  return Failure{
      FailureKind::kExpired, "the deadline of the request came before its answer", {}, 1};
}

struct Item {
  std::string_view query;  // empty for texts to embed
  std::string_view passage;
};

enum class Lane {
  kForeground,
  kBackground,  // runs only when no foreground job waits (shadow traffic)
};

struct Job {
  using Done = std::function<void(Job&, const Failure*)>;

  ModelPtr model;
  std::vector<Item> items;  // the texts live as long as `keep_alive`
  std::shared_ptr<const void> keep_alive;
  TicketPtr ticket;
  Lane lane = Lane::kForeground;
  std::string prompt;  // embedders: the name of the prompt
  // Called once, on the scheduler's thread (or the submitter's), with a failure or with all
  // results.
  Done done;

  std::vector<Score> scores;   // rerankers: one an item
  std::vector<float> vectors;  // embedders: dimension() floats an item
  std::vector<bool> cut;       // embedders: of each item, whether the model read only its beginning
  double queued_seconds = 0;   // until the first batch
  double inference_seconds = 0;

  // The scheduler's own.
  std::size_t handed_out = 0, finished = 0;
  std::size_t cost = 0;            // estimated tokens not yet handed out
  std::optional<Failure> failure;  // of an item: told when every item handed out is back
  Clock::time_point submitted;
};
using JobPtr = std::shared_ptr<Job>;

}  // namespace narabi::service
