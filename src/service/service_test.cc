// The parts of the service that need no model, and the scheduler with the shipped one.
#include <gtest/gtest.h>

#include <cmath>
#include <future>
#include <thread>

#include "narabi/error.h"
#include "service/score_cache.h"
#include "service/service.h"
#include "service/siphash.h"
#include "service/windows.h"

namespace narabi::service {
namespace {

const std::string kModel = std::string(NARABI_SOURCE_DIR) + "/models/prototype-modernbert-6l";

TEST(SipHash, gives_the_reference_vectors) {
  // vectors_sip128 of the reference code: key 00 01 .. 0f, input empty and 00.
  const std::array<std::uint64_t, 2> key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
  EXPECT_EQ(siphash128(key, "")[0], 0xe6a825ba047f81a3u);
  EXPECT_EQ(siphash128(key, "")[1], 0x930255c71472f66du);
  EXPECT_EQ(siphash128(key, std::string_view("\0", 1))[0], 0x44af996bd8c187dau);
  EXPECT_EQ(siphash128(key, std::string_view("\0", 1))[1], 0x45fc229b11597634u);
}

TEST(ScoreCache, keeps_the_latest_and_no_more_than_it_may) {
  ScoreCache cache(2);
  const auto key = [&](const char* passage) {
    return ScoreCache::pair_key(cache.query_key("v", "q"), passage);
  };
  cache.put(key("a"), {.logit = 1});
  cache.put(key("b"), {.logit = 2});
  EXPECT_EQ(cache.find(key("a"))->logit, 1);
  cache.put(key("c"), {.logit = 3});
  EXPECT_FALSE(cache.find(key("b")));  // "a" was asked for later
  EXPECT_TRUE(cache.find(key("a")));
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_FALSE(ScoreCache::pair_key(cache.query_key("v", "qa"), "b") ==
               ScoreCache::pair_key(cache.query_key("v", "q"), "ab"));
  EXPECT_FALSE(cache.query_key("va", "b") == cache.query_key("v", "ab"));
}

TEST(Shadow, takes_every_second_request_at_half_share) {
  Shadow shadow;
  shadow.configure("a", "b", 0.5);
  int taken = 0;
  for (int i = 0; i < 10; ++i) taken += shadow.pick("a") == "b";
  EXPECT_EQ(taken, 5);
  EXPECT_EQ(shadow.pick("other"), "");
}

TEST(KendallTau, is_one_minus_one_and_corrected_for_ties) {
  const std::vector<float> up = {1, 2, 3, 4}, down = {4, 3, 2, 1}, tied = {1, 1, 2, 2};
  EXPECT_DOUBLE_EQ(kendall_tau(up, up), 1);
  EXPECT_DOUBLE_EQ(kendall_tau(up, down), -1);
  EXPECT_DOUBLE_EQ(kendall_tau(up, tied), 4 / std::sqrt(6.0 * 4.0));
}

TEST(Cascade, puts_what_the_second_stage_did_not_see_below_it_in_order) {
  EXPECT_LT(below_second_stage(0.5f, 20.0f), 0.5f + 1e-6f);
  EXPECT_LT(below_second_stage(0.5f, -3.0f), below_second_stage(0.5f, 3.0f));
  EXPECT_TRUE(std::isfinite(below_second_stage(-50.0f, -200.0f)));
}

TEST(Windows, cover_the_document_and_fit) {
  const Tokenizer tokenizer(kModel);
  std::string document;
  for (int i = 0; i < 50; ++i) document += "これは" + std::to_string(i) + "番目の文である。";
  document += std::string(900, 'a');
  std::size_t covered = 0;
  for (const std::string_view window : cut_windows(tokenizer, document, 60)) {
    const auto begin = static_cast<std::size_t>(window.data() - document.data());
    EXPECT_LE(begin, covered);  // windows overlap or touch
    covered = std::max(covered, begin + window.size());
    EXPECT_LE(tokenizer.encode_plain(window).input_ids.size(), 64u);  // joints may differ a little
  }
  EXPECT_EQ(covered, document.size());
  EXPECT_EQ(cut_windows(tokenizer, "", 60).size(), 1u);
}

class WithModel : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    ServiceOptions options;
    options.model.threads = 2;
    options.scheduler.max_batch_tokens = 200;
    service_ = new Service(options);
    service_->models().load("m", kModel);
  }
  static void TearDownTestSuite() { delete service_; }

  static RerankQuery query(std::vector<std::string> passages) {
    return {.stages = {service_->models().exactly("m")},
            .queries = {"日本の首都は"},
            .passages = std::move(passages)};
  }
  static std::variant<RerankResult, Failure> ask(RerankQuery query, const TicketPtr& ticket) {
    std::promise<std::variant<RerankResult, Failure>> promise;
    service_->rerank(std::move(query), ticket,
                     [&](auto outcome) { promise.set_value(std::move(outcome)); });
    return promise.get_future().get();
  }
  static Service* service_;
};
Service* WithModel::service_ = nullptr;

TEST_F(WithModel, scores_in_many_batches_are_those_of_one) {
  std::vector<std::string> passages;
  for (int i = 0; i < 60; ++i) passages.push_back("東京は日本の首都である。" + std::to_string(i));
  const auto outcome = ask(query(passages), std::make_shared<Ticket>());
  const auto& result = std::get<RerankResult>(outcome);
  std::vector<Pair> pairs;
  for (const std::string& passage : passages) pairs.push_back({"日本の首都は", passage});
  const auto expected = service_->models().exactly("m")->reranker().score(pairs);
  for (std::size_t i = 0; i < passages.size(); ++i)
    EXPECT_EQ(result.passages[i].logit, expected[i].logit);
  EXPECT_GT(service_->stats().batches.load(), 2u);
}

TEST_F(WithModel, a_batch_of_two_jobs_keeps_to_its_budget) {
  constexpr std::size_t kBudget = 200;
  Stats stats;
  Scheduler scheduler({.max_batch_tokens = kBudget}, stats);
  const auto job = [&](std::size_t items, Job::Done done) {
    auto out = std::make_shared<Job>();
    out->model = service_->models().exactly("m");
    out->ticket = std::make_shared<Ticket>();
    out->items.assign(items, {"日本の首都は", "東京は日本の首都である。"});
    out->done = std::move(done);
    return out;
  };
  const std::size_t cost = service_->models().exactly("m")->estimate_tokens(18 + 36);
  std::promise<void> busy, both_wait;
  std::promise<std::size_t> tokens;  // of the batch in which the first of two jobs ends
  ASSERT_FALSE(scheduler.submit(job(1, [&](Job&, const Failure*) {
    busy.set_value();
    both_wait.get_future().wait();
  })));
  busy.get_future().wait();  // else the next job might be of this one's batch
  ASSERT_FALSE(scheduler.submit(job(kBudget / 2 / cost, [&](Job&, const Failure*) {
    tokens.set_value(stats.last_batch_tokens);
  })));
  ASSERT_FALSE(scheduler.submit(job(60, [](Job&, const Failure*) {})));
  both_wait.set_value();
  const std::size_t taken = tokens.get_future().get();
  EXPECT_LE(taken, kBudget);
  EXPECT_GT(taken, kBudget - cost);
}

TEST_F(WithModel, a_deadline_that_is_over_and_a_client_that_is_gone_cost_nothing) {
  auto late = std::make_shared<Ticket>();
  late->deadline = Clock::now() - std::chrono::seconds(1);
  EXPECT_EQ(std::get<Failure>(ask(query({"a"}), late)).kind, FailureKind::kExpired);
  auto gone = std::make_shared<Ticket>();
  gone->cancelled = true;
  EXPECT_EQ(std::get<Failure>(ask(query({"a"}), gone)).kind, FailureKind::kCancelled);
  // A request is closed once its answer has been taken, by the thread that gave it.
  const auto patience = Clock::now() + std::chrono::seconds(20);
  while (service_->stats().open_requests != 0 && Clock::now() < patience)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(service_->stats().open_requests.load(), 0);
}

TEST_F(WithModel, names_of_other_makers_stand_for_the_first_model) {
  EXPECT_TRUE(std::holds_alternative<std::vector<ModelPtr>>(
      service_->resolve("rerank-v3.5", ModelKind::kReranker)));
  const auto unknown = service_->resolve("nothing", ModelKind::kReranker);
  EXPECT_EQ(std::get<Failure>(unknown).kind, FailureKind::kUnknownModel);
  EXPECT_TRUE(std::holds_alternative<Failure>(service_->resolve("", ModelKind::kEmbedder)));
  EXPECT_TRUE(std::holds_alternative<Failure>(service_->resolve("m>", ModelKind::kReranker)));
}

TEST_F(WithModel, the_last_model_stays) {
  EXPECT_THROW(service_->models().unload("m"), InvalidArgument);
}

}  // namespace
}  // namespace narabi::service
