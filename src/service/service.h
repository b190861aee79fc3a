// The service without its transport: admission, models, scoring, embedding, search. Knows no HTTP.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "retrieve/collection.h"
#include "service/model_slots.h"
#include "service/rerank_task.h"
#include "service/scheduler.h"
#include "service/score_cache.h"
#include "service/shadow.h"
#include "service/stats.h"
#include "service/worker.h"

namespace narabi::service {

struct ServiceOptions {
  ModelOptions model;
  SchedulerOptions scheduler;
  std::size_t max_open_requests = 512;
  std::size_t cache_entries = 0;
  bool strict_names = false;  // names of other makers' models do not stand for the first model
};

struct EmbedQuery {
  ModelPtr model;
  std::string prompt;  // name of a prompt of the folder, or empty
  std::vector<std::string> texts;
};

struct EmbedResult {
  std::vector<float> vectors;  // texts x dimension
  std::size_t dimension = 0;
  std::vector<bool> cut;   // of each text, whether it was longer than the model reads
  std::size_t tokens = 0;  // estimated
  double queue_seconds = 0, inference_seconds = 0;
};

struct SearchQuery {
  std::string query;
  SearchOptions first_stage;
  std::vector<ModelPtr> stages;  // empty: the first stage's order
  std::optional<double> blend;
};

struct SearchHit {
  Index::Hit found;        // by the first stage
  std::size_t before = 0;  // rank of the first stage, from 1
  double final_score = 0;
  std::optional<PassageScore> reranked;
};

struct SearchResult {
  std::vector<SearchHit> hits;  // best first
  SearchTimes parts;            // of the retrieval
  double retrieval_seconds = 0, queue_seconds = 0, inference_seconds = 0;
};

template <typename Result>
using Answer = std::function<void(std::variant<Result, Failure>)>;

// Answers come once, from any thread, and may come before the call returns.
class Service {
 public:
  explicit Service(const ServiceOptions& options);
  ~Service();

  ModelSlots& models() { return models_; }
  const ModelSlots& models() const { return models_; }
  Stats& stats() { return stats_; }
  Shadow& shadow() { return shadow_; }
  ScoreCache& cache() { return cache_; }
  Worker& background() { return background_; }  // loads of models
  const ServiceOptions& options() const { return options_; }
  // What search() goes over; without vectors it has BM25 alone.
  void set_collection(std::unique_ptr<retrieve::Collection> collection, bool vectors) {
    collection_ = std::move(collection);
    vectors_ = vectors;
  }
  bool searches() const { return collection_ != nullptr; }
  bool searches_vectors() const { return searches() && vectors_; }
  std::size_t documents() const { return collection_->size(); }

  // "", "name", or "small>large": the models of a request, or why there are none.
  std::variant<std::vector<ModelPtr>, Failure> resolve(const std::string& name,
                                                       ModelKind kind) const;

  void rerank(RerankQuery query, const TicketPtr& ticket, Answer<RerankResult> answer);
  void embed(EmbedQuery query, const TicketPtr& ticket, Answer<EmbedResult> answer);
  void search(SearchQuery query, const TicketPtr& ticket, Answer<SearchResult> answer);
  // Runs `task` beside the I/O threads: tokenizing.
  void run_aside(std::function<void()> task) { worker_.post(std::move(task)); }

  bool full() const;  // a request would be refused whatever it asks
  double waiting_seconds() const { return scheduler_->waiting_seconds(); }
  bool healthy() const;  // the scheduler answers
  void start_draining() { draining_ = true; }
  bool draining() const { return draining_; }
  void stop();  // what is under way fails; no answer is given after this

 private:
  class Open;
  std::shared_ptr<Open> open() const;
  ModelPtr find_model(const std::string& name, ModelKind kind) const;
  void start_task(RerankQuery query, const TicketPtr& ticket, Answer<RerankResult> answer);
  void start_shadow(const std::shared_ptr<RerankQuery>& query, const RerankResult& result);
  void rerank_hits(SearchQuery query, const TicketPtr& ticket, SearchResult result,
                   Answer<SearchResult> answer);

  const ServiceOptions options_;
  mutable Stats stats_;
  ModelSlots models_;
  ScoreCache cache_;
  Shadow shadow_;
  std::unique_ptr<retrieve::Collection> collection_;
  bool vectors_ = false;
  std::atomic<bool> draining_{false};
  Worker background_;
  std::unique_ptr<Scheduler> scheduler_;
  Worker worker_;  // destroyed first: its tasks use everything above
};

}  // namespace narabi::service
