#include "service/service.h"

#include <algorithm>
#include <filesystem>

#include "narabi/error.h"
#include "rerank/blend.h"

namespace narabi::service {
namespace {

constexpr double kStuckSeconds = 120;  // a batch aims at a quarter of a second

// Clients of other services send the names of their own models, and cannot always be told another.
bool is_foreign_name(const std::string& name) {
  static const char* const kMakers[] = {"rerank",       "jina-reranker", "jinaai/",
                                        "bge-reranker", "BAAI/",         "hotchpotch/",
                                        "mixedbread",   "cohere",        "text-embedding-",
                                        "embed-",       "voyage",        "amazon.rerank",
                                        "tei",          "default",       "narabi",
                                        "intfloat/",    "cl-nagoya/",    "sentence-transformers/"};
  return std::any_of(std::begin(kMakers), std::end(kMakers),
                     [&](const char* maker) { return name.starts_with(maker); });
}

std::string known_names(const ModelSlots& slots, ModelKind kind) {
  std::string names;
  for (const ModelPtr& model : slots.all())
    if (model->kind() == kind) names += (names.empty() ? "" : ", ") + model->name();
  return names.empty() ? "none" : names;
}

Failure no_model(const std::string& name, const ModelSlots& slots, ModelKind kind) {
  const std::string kind_name = kind == ModelKind::kReranker ? "reranker" : "embedder";
  if (name.empty()) {
    return {FailureKind::kUnknownModel, "this server has no " + kind_name, "model", 1};
  }
  return {FailureKind::kUnknownModel,
          "unknown " + kind_name + " \"" + name + "\"; known: " + known_names(slots, kind), "model",
          1};
}

std::string model_text(const IndexedDocument& document) {
  return document.title.empty() ? document.text : document.title + " " + document.text;
}

}  // namespace

// A request that has been taken and not answered.
class Service::Open {
 public:
  explicit Open(Stats& stats) : stats_(stats) { ++stats_.open_requests; }
  ~Open() { --stats_.open_requests; }
  Open(const Open&) = delete;
  Open& operator=(const Open&) = delete;

 private:
  Stats& stats_;
};

Service::Service(const ServiceOptions& options)
    : options_(options),
      models_(options.model),
      cache_(options.cache_entries),
      scheduler_(std::make_unique<Scheduler>(options.scheduler, stats_)) {}

Service::~Service() {
  stop();
}

void Service::stop() {
  background_.stop();
  worker_.stop();
  scheduler_->stop();
}

std::shared_ptr<Service::Open> Service::open() const {
  const auto most = static_cast<std::int64_t>(options_.max_open_requests);
  if (stats_.open_requests.load() >= most) return nullptr;
  return std::make_shared<Open>(stats_);
}

bool Service::full() const {
  return scheduler_->full() ||
         stats_.open_requests.load() >= static_cast<std::int64_t>(options_.max_open_requests);
}

bool Service::healthy() const {
  return scheduler_->busy_seconds() < kStuckSeconds;
}

ModelPtr Service::find_model(const std::string& name, ModelKind kind) const {
  if (ModelPtr model = models_.find(name, kind)) return model;
  if (!options_.strict_names && is_foreign_name(name)) return models_.find("", kind);
  return nullptr;
}

std::variant<std::vector<ModelPtr>, Failure> Service::resolve(const std::string& name,
                                                              ModelKind kind) const {
  std::vector<std::string> names{name};
  const std::size_t arrow = name.find('>');
  if (arrow != std::string::npos && kind == ModelKind::kReranker)
    names = {name.substr(0, arrow), name.substr(arrow + 1)};
  std::vector<ModelPtr> found;
  for (const std::string& part : names) {
    ModelPtr model = find_model(part, kind);
    if (!model || (part.empty() && names.size() > 1))
      return no_model(part.empty() ? name : part, models_, kind);
    found.push_back(std::move(model));
  }
  return found;
}

namespace {

Failure too_many_requests(std::size_t limit, double waiting) {
  return {FailureKind::kOverloaded,
          std::to_string(limit) + " requests are open, which is the limit",
          {},
          std::max(1, static_cast<int>(waiting + 0.5))};
}

}  // namespace

void Service::start_task(RerankQuery query, const TicketPtr& ticket, Answer<RerankResult> answer) {
  std::make_shared<RerankTask>(std::move(query), ticket, *scheduler_, cache_, worker_,
                               std::move(answer))
      ->start();
}

void Service::rerank(RerankQuery query, const TicketPtr& ticket, Answer<RerankResult> answer) {
  auto opened = open();
  if (!opened) return answer(too_many_requests(options_.max_open_requests, waiting_seconds()));
  std::shared_ptr<RerankQuery> copy;
  if (query.stages.size() == 1 && !shadow_.pick(query.stages[0]->name()).empty())
    copy = std::make_shared<RerankQuery>(query);
  start_task(std::move(query), ticket,
             [this, opened, copy, answer = std::move(answer)](RerankOutcome outcome) {
               if (auto* result = std::get_if<RerankResult>(&outcome)) {
                 stats_.cache_hits += result->cached;
                 if (cache_.enabled())
                   stats_.cache_misses +=
                       result->passages.size() - std::min(result->cached, result->passages.size());
                 if (copy) start_shadow(copy, *result);
               }
               answer(std::move(outcome));
             });
}

void Service::start_shadow(const std::shared_ptr<RerankQuery>& query, const RerankResult& result) {
  constexpr double kMostBehind = 1.0;  // seconds of foreground work: a busy server has no shadow
  const ModelPtr model = models_.exactly(shadow_.report().shadow);
  if (!model || model->kind() != ModelKind::kReranker ||
      scheduler_->waiting_seconds() > kMostBehind) {
    return shadow_.failed();
  }
  std::vector<float> primary;
  for (const PassageScore& passage : result.passages) primary.push_back(passage.logit);
  query->stages = {model};
  query->lane = Lane::kBackground;
  query->cached = false;
  auto ticket = std::make_shared<Ticket>();
  ticket->deadline = Clock::now() + std::chrono::seconds(30);
  start_task(std::move(*query), ticket,
             [this, primary = std::move(primary)](RerankOutcome outcome) {
               const auto* shadowed = std::get_if<RerankResult>(&outcome);
               if (shadowed == nullptr) return shadow_.failed();
               ++stats_.shadowed;
               std::vector<float> other;
               for (const PassageScore& passage : shadowed->passages)
                 other.push_back(passage.logit);
               shadow_.compare(primary, other);
             });
}

void Service::embed(EmbedQuery query, const TicketPtr& ticket, Answer<EmbedResult> answer) {
  auto opened = open();
  if (!opened) return answer(too_many_requests(options_.max_open_requests, waiting_seconds()));
  auto texts = std::make_shared<const std::vector<std::string>>(std::move(query.texts));
  auto job = std::make_shared<Job>();
  job->model = query.model;
  job->prompt = query.prompt;
  job->ticket = ticket;
  job->keep_alive = texts;
  for (const std::string& text : *texts) job->items.push_back({{}, text});
  auto shared_answer = std::make_shared<Answer<EmbedResult>>(std::move(answer));
  job->done = [opened, shared_answer](Job& done, const Failure* failure) {
    if (failure != nullptr) return (*shared_answer)(*failure);
    EmbedResult result;
    result.vectors = std::move(done.vectors);
    result.cut = std::move(done.cut);
    result.dimension = static_cast<std::size_t>(done.model->embedder().dimension());
    for (const Item& item : done.items)
      result.tokens += done.model->estimate_tokens(item.passage.size());
    result.queue_seconds = done.queued_seconds;
    result.inference_seconds = done.inference_seconds;
    (*shared_answer)(std::move(result));
  };
  if (auto failure = scheduler_->submit(job)) (*shared_answer)(std::move(*failure));
}

void Service::search(SearchQuery query, const TicketPtr& ticket, Answer<SearchResult> answer) {
  if (full()) return answer(too_many_requests(options_.max_open_requests, waiting_seconds()));
  if (query.first_stage.retriever != Retriever::kBm25 && !vectors_)
    return answer(Failure{FailureKind::kInvalid,
                          "retriever: expected bm25: what this server searches has no vectors, or "
                          "not their embedder (narabi serve --embedder DIR)",
                          "retriever", 1});
  worker_.post([this, query = std::move(query), ticket, answer = std::move(answer)] {
    if (auto failure = given_up(*ticket)) return answer(std::move(*failure));
    SearchResult result;
    std::vector<Index::Hit> found;
    const auto start = Clock::now();
    try {
      found = collection_->search(query.query, query.first_stage, &result.parts);
    } catch (const InvalidArgument& error) {
      return answer(Failure{FailureKind::kInvalid, error.what(), "filter", 1});
    } catch (const std::exception& error) {
      return answer(Failure{FailureKind::kModelFailure, error.what(), {}, 1});
    }
    result.retrieval_seconds = std::chrono::duration<double>(Clock::now() - start).count();
    stats_.retrieval.observe(result.retrieval_seconds);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const double score = found[i].score;
      result.hits.push_back({std::move(found[i]), i + 1, score, std::nullopt});
    }
    rerank_hits(query, ticket, std::move(result), answer);
  });
}

void Service::rerank_hits(SearchQuery query, const TicketPtr& ticket, SearchResult result,
                          Answer<SearchResult> answer) {
  if (query.stages.empty() || result.hits.empty()) return answer(std::move(result));
  RerankQuery pairs{.stages = query.stages, .queries = {query.query}, .passages = {}};
  for (const SearchHit& hit : result.hits) pairs.passages.push_back(model_text(hit.found.document));
  const Retriever retriever = query.first_stage.retriever;
  const double weight =
      query.blend
          ? *query.blend
          : query.stages.back()->reranker().blend_weight(retrieve::first_stage_name(retriever));
  auto shared = std::make_shared<SearchResult>(std::move(result));
  rerank(std::move(pairs), ticket,
         [shared, weight, retriever,
          answer = std::move(answer)](std::variant<RerankResult, Failure> outcome) {
           if (auto* failure = std::get_if<Failure>(&outcome)) return answer(std::move(*failure));
           const auto& scores = std::get<RerankResult>(outcome);
           std::vector<float> logits;
           std::vector<double> first_stage;
           for (std::size_t i = 0; i < shared->hits.size(); ++i) {
             logits.push_back(scores.passages[i].logit);
             first_stage.push_back(retrieve::first_stage_score(retriever, shared->hits[i].found));
             shared->hits[i].reranked = scores.passages[i];
           }
           std::vector<SearchHit> ordered;
           for (const auto& entry : rerank::blend(logits, first_stage, weight)) {
             ordered.push_back(std::move(shared->hits[entry.index]));
             ordered.back().final_score = entry.final_score;
           }
           shared->hits = std::move(ordered);
           shared->queue_seconds = scores.queue_seconds;
           shared->inference_seconds = scores.inference_seconds;
           answer(std::move(*shared));
         });
}

}  // namespace narabi::service
