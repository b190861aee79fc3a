// One rerank request from its coming to its answer: stages, windows, cache, equal passages once.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "service/job.h"
#include "service/scheduler.h"
#include "service/score_cache.h"
#include "service/worker.h"

namespace narabi::service {

struct RerankQuery {
  std::vector<ModelPtr> stages;      // one, or two: a cascade
  std::vector<std::string> queries;  // one for all passages, or one each
  std::vector<std::string> passages;
  std::size_t keep = 20;     // cascade: passages that the second stage sees
  bool max_passage = false;  // long passages as windows, the best one counts
  Lane lane = Lane::kForeground;
  bool cached = true;  // may use the score cache
};

struct PassageScore {
  float logit = 0;
  double score = 0;  // a probability unless the folder names Identity
  int tokens = 0;
  bool truncated = false, query_truncated = false;
  int stage = 0;    // the last one that saw it
  int windows = 1;  // with max_passage
};

struct RerankResult {
  std::vector<PassageScore> passages;  // as given
  std::vector<std::size_t> order;      // best first, equal ones as given
  std::vector<ModelPtr> stages;
  std::size_t tokens = 0, cached = 0;
  double queue_seconds = 0, inference_seconds = 0;
};

using RerankOutcome = std::variant<RerankResult, Failure>;

// What the passages of a cascade that only the first stage saw get, so that their scores are
// comparable: below the lowest of the second stage's, in the first stage's order.
//   logit = lowest + log(sigmoid(first stage's logit))
float below_second_stage(float lowest, float first_stage_logit);

class RerankTask : public std::enable_shared_from_this<RerankTask> {
 public:
  using Done = std::function<void(RerankOutcome)>;

  RerankTask(RerankQuery query, TicketPtr ticket, Scheduler& scheduler, ScoreCache& cache,
             Worker& worker, Done done);
  void start();
  const RerankQuery& query() const { return query_; }

 private:
  // A piece of text that the model scores, for one passage.
  struct Unit {
    std::size_t passage = 0;
    std::string_view text;
    PairKey key;
    std::size_t same_as = 0;  // index of the first unit with this key
    bool known = false;
    Score score;
  };

  void begin_stage();
  void cut();
  void submit_stage();
  std::vector<Item> look_up();
  void stage_done(Job& job, const Failure* failure);
  void settle();
  void finish();
  void fail(Failure failure);
  std::string_view query_of(std::size_t passage) const;
  const Model& model() const { return *query_.stages[stage_]; }

  RerankQuery query_;
  TicketPtr ticket_;
  Scheduler& scheduler_;
  ScoreCache& cache_;
  Worker& worker_;
  Done done_;
  std::size_t stage_ = 0;
  std::vector<std::size_t> chosen_;  // passages of this stage
  std::vector<Unit> units_;
  std::vector<std::size_t> asked_;  // units of the job, in its order
  RerankResult result_;
};

}  // namespace narabi::service
