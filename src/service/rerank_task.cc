#include "service/rerank_task.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "service/windows.h"

namespace narabi::service {

float below_second_stage(float lowest, float first_stage_logit) {
  const double x = first_stage_logit;
  const double log_sigmoid = x >= 0 ? -std::log1p(std::exp(-x)) : x - std::log1p(std::exp(x));
  return static_cast<float>(lowest + log_sigmoid);
}

RerankTask::RerankTask(RerankQuery query, TicketPtr ticket, Scheduler& scheduler, ScoreCache& cache,
                       Worker& worker, Done done)
    : query_(std::move(query)),
      ticket_(std::move(ticket)),
      scheduler_(scheduler),
      cache_(cache),
      worker_(worker),
      done_(std::move(done)) {}

void RerankTask::start() {
  result_.passages.resize(query_.passages.size());
  result_.stages = query_.stages;
  chosen_.resize(query_.passages.size());
  std::iota(chosen_.begin(), chosen_.end(), std::size_t{0});
  begin_stage();
}

std::string_view RerankTask::query_of(std::size_t passage) const {
  return query_.queries.size() == 1 ? query_.queries[0] : query_.queries[passage];
}

void RerankTask::begin_stage() {
  units_.clear();
  if (!query_.max_passage) {
    for (const std::size_t passage : chosen_)
      units_.push_back(
          {.passage = passage, .text = query_.passages[passage], .key = {}, .score = {}});
    return submit_stage();
  }
  worker_.post([self = shared_from_this()] {
    try {
      self->cut();
      if (auto failure = given_up(*self->ticket_)) return self->fail(std::move(*failure));
    } catch (const std::exception& error) {
      return self->fail({FailureKind::kModelFailure, error.what(), {}, 1});
    }
    self->submit_stage();
  });
}

void RerankTask::cut() {
  constexpr int kSpecialTokens = 4;
  int budget = 0;
  for (const std::size_t passage : chosen_) {
    if (given_up(*ticket_)) return;
    const std::string_view text = query_.passages[passage];
    if (budget == 0 || query_.queries.size() > 1) {
      const auto query_tokens =
          static_cast<int>(model().tokenizer().encode_plain(query_of(passage)).input_ids.size());
      // A query that leaves no room is the truncation's business.
      budget = std::max(model().max_length() - query_tokens - kSpecialTokens, 16);
    }
    for (const std::string_view window : cut_windows(model().tokenizer(), text, budget))
      units_.push_back({.passage = passage, .text = window, .key = {}, .score = {}});
  }
}

// Fills in what is known, finds equal units, and gives the items that are left to score.
std::vector<Item> RerankTask::look_up() {
  struct Hash {
    std::size_t operator()(const PairKey& key) const { return key.low; }
  };
  std::unordered_map<PairKey, std::size_t, Hash> first;
  std::vector<Item> items;
  asked_.clear();
  const bool use_cache = cache_.enabled() && query_.cached;
  std::vector<PairKey> queries;
  for (const std::string& query : query_.queries)
    queries.push_back(cache_.query_key(model().version(), query));
  for (std::size_t i = 0; i < units_.size(); ++i) {
    Unit& unit = units_[i];
    unit.key = ScoreCache::pair_key(queries[queries.size() == 1 ? 0 : unit.passage], unit.text);
    unit.same_as = first.emplace(unit.key, i).first->second;
    if (unit.same_as != i) continue;
    if (use_cache) {
      if (const auto found = cache_.find(unit.key)) {
        unit.known = true;
        unit.score = *found;
        ++result_.cached;
        continue;
      }
    }
    asked_.push_back(i);
    items.push_back({query_of(unit.passage), unit.text});
  }
  return items;
}

void RerankTask::submit_stage() {
  auto job = std::make_shared<Job>();
  job->model = query_.stages[stage_];
  job->items = look_up();
  job->keep_alive = shared_from_this();
  job->ticket = ticket_;
  job->lane = query_.lane;
  job->done = [self = shared_from_this()](Job& done, const Failure* failure) {
    self->stage_done(done, failure);
  };
  // Windows were cut on another thread: the request was taken then, and the caller waits for done.
  if (auto failure = scheduler_.submit(job, stage_ > 0)) fail(std::move(*failure));
}

void RerankTask::stage_done(Job& job, const Failure* failure) {
  if (failure != nullptr) return fail(*failure);
  result_.queue_seconds += job.queued_seconds;
  result_.inference_seconds += job.inference_seconds;
  for (std::size_t i = 0; i < asked_.size(); ++i) {
    Unit& unit = units_[asked_[i]];
    unit.known = true;
    unit.score = job.scores[i];
    result_.tokens += static_cast<std::size_t>(unit.score.tokens);
    if (cache_.enabled() && query_.cached) cache_.put(unit.key, unit.score);
  }
  job.keep_alive = nullptr;
  settle();
  if (stage_ + 1 == query_.stages.size()) return finish();
  ++stage_;
  begin_stage();
}

// The scores of this stage into the result, and the passages of the next one.
void RerankTask::settle() {
  std::vector<bool> seen(result_.passages.size());
  for (Unit& unit : units_) {
    const Score& score = units_[unit.same_as].score;
    PassageScore& passage = result_.passages[unit.passage];
    const bool first = !seen[unit.passage];
    seen[unit.passage] = true;
    passage.windows = first ? 1 : passage.windows + 1;
    passage.stage = static_cast<int>(stage_);
    if (!first && score.logit <= passage.logit) continue;
    passage.logit = score.logit;
    passage.score = model().score(score.logit);
    passage.tokens = score.tokens;
    passage.truncated = score.truncated;
    passage.query_truncated = score.query_truncated;
  }
  const auto better = [&](std::size_t a, std::size_t b) {
    return result_.passages[a].logit > result_.passages[b].logit;
  };
  std::stable_sort(chosen_.begin(), chosen_.end(), better);
  if (stage_ == 0) {
    result_.order = chosen_;
    if (query_.stages.size() > 1) chosen_.resize(std::min(chosen_.size(), query_.keep));
    return;
  }
  const std::vector<std::size_t> first_order = result_.order;
  result_.order = chosen_;
  if (chosen_.empty()) return;
  const float lowest = result_.passages[chosen_.back()].logit;
  for (std::size_t i = chosen_.size(); i < first_order.size(); ++i) {
    PassageScore& passage = result_.passages[first_order[i]];
    passage.logit = below_second_stage(lowest, passage.logit);
    passage.score = model().score(passage.logit);
    result_.order.push_back(first_order[i]);
  }
}

void RerankTask::finish() {
  const Done done = std::exchange(done_, nullptr);
  if (done) done(std::move(result_));
}

void RerankTask::fail(Failure failure) {
  const Done done = std::exchange(done_, nullptr);
  if (done) done(std::move(failure));
}

}  // namespace narabi::service
