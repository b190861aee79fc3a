#include <gtest/gtest.h>

#include <cmath>

#include "narabi/error.h"
#include "narabi/evaluation.h"

namespace narabi {
namespace {

// Query q: positives a (2), b (1), d (1, not retrieved); ranking c a b.
const Qrels kQrels = {{"q", {{"a", 2}, {"b", 1}, {"c", 0}, {"d", 1}, {"e", -1}}}};
const Run kRun = {{"q", {{"c", 3.0}, {"a", 2.0}, {"b", 1.0}}}};

TEST(Metrics, follow_their_definitions) {
  const double dcg = 2 / std::log2(3) + 1 / std::log2(4);
  const double ideal = 2 / std::log2(2) + 1 / std::log2(3) + 1 / std::log2(4);
  EXPECT_DOUBLE_EQ(evaluate(kQrels, kRun, "ndcg@10"), dcg / ideal);
  EXPECT_DOUBLE_EQ(evaluate(kQrels, kRun, "mrr@10"), 0.5);
  EXPECT_DOUBLE_EQ(evaluate(kQrels, kRun, "map@10"), (1.0 / 2 + 2.0 / 3) / 3);
  EXPECT_DOUBLE_EQ(evaluate(kQrels, kRun, "recall@10"), 2.0 / 3);
  EXPECT_DOUBLE_EQ(evaluate(kQrels, kRun, "hit@1"), 0);
  EXPECT_DOUBLE_EQ(evaluate(kQrels, kRun, "hit@2"), 1);
}

TEST(Metrics, cut_the_ideal_ranking_at_k) {
  EXPECT_DOUBLE_EQ(evaluate(kQrels, {{"q", {{"a", 1.0}}}}, "ndcg@1"), 1);
}

TEST(Metrics, are_means_over_the_queries_in_run_and_qrels) {
  narabi::Run run = kRun;
  run["unjudged"] = {{"a", 1.0}};
  EXPECT_DOUBLE_EQ(evaluate(kQrels, run, "mrr@10"), 0.5);
  EXPECT_THROW(evaluate({{"x", {{"a", 1}}}}, kRun, "mrr@10"), InvalidArgument);
}

TEST(Metrics, refuse_names_that_they_do_not_know) {
  for (const char* name : {"ndcg", "ndcg@", "ndcg@0", "precision@10", "ndcg@x", "ndcg@-1"}) {
    EXPECT_THROW(evaluate(kQrels, kRun, name), InvalidArgument) << name;
  }
}

// The published figures of JQaRA (hotchpotch/JQaRA); ties may move the fourth digit.
TEST(PublishedRuns, give_their_published_figures) {
  const std::string folder = NARABI_SOURCE_DIR "/data/jqara/";
  const Qrels qrels = read_qrels(folder + "qrels.trec.xz");
  struct {
    const char* name;
    double ndcg, mrr;
  } published[] = {{"bm25", .4580, .7020},
                   {"bge-m3-dense", .5390, .7854},
                   {"japanese-reranker-xsmall-v1", .6136, .8402},
                   {"japanese-reranker-large-v1", .7100, .8983}};
  for (const auto& [name, ndcg, mrr] : published) {
    const narabi::Run run = read_run(folder + name + ".run.xz");
    EXPECT_EQ(run.size(), 1667u);
    EXPECT_NEAR(evaluate(qrels, run, "ndcg@10"), ndcg, .0006) << name;
    EXPECT_NEAR(evaluate(qrels, run, "mrr@10"), mrr, .0006) << name;
  }
}

TEST(Runs, hold_no_id_that_would_come_back_as_two_columns) {
  EXPECT_EQ(run_lines("q", {{"d", 2.5}, {"e", 1}}, "x"), "q Q0 d 1 2.5 x\nq Q0 e 2 1 x\n");
  EXPECT_THROW(run_lines("q", {{"d 1", 2.5}}, "x"), InvalidArgument);
  EXPECT_THROW(run_lines("q\t1", {}, "x"), InvalidArgument);
  EXPECT_THROW(run_lines("q", {}, ""), InvalidArgument);
}

}  // namespace
}  // namespace narabi
