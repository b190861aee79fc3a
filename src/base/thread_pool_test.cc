#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace narabi::base {
namespace {

TEST(ThreadPool, runs_every_index_once_at_any_number_of_threads) {
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    for (const std::size_t count : {0, 1, 3, 1000}) {
      std::vector<std::atomic<int>> runs(count);
      pool.parallel_for(count, [&](std::size_t index, int worker) {
        EXPECT_LT(worker, threads);
        ++runs[index];
      });
      for (const auto& n : runs) EXPECT_EQ(n, 1);
    }
  }
}

TEST(ThreadPool, rethrows_the_exception_of_a_body_and_goes_on_working) {
  ThreadPool pool(3);
  EXPECT_THROW(pool.parallel_for(50,
                                 [](std::size_t i, int) {
                                   if (i == 7) throw std::runtime_error("seven");
                                 }),
               std::runtime_error);
  std::atomic<int> runs{0};
  pool.parallel_for(50, [&](std::size_t, int) { ++runs; });
  EXPECT_EQ(runs, 50);
}

TEST(ThreadPool, takes_calls_from_several_threads_in_turn) {
  ThreadPool pool(2);
  std::atomic<int> runs{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int j = 0; j < 50; ++j) pool.parallel_for(10, [&](std::size_t, int) { ++runs; });
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(runs, 4 * 50 * 10);
}

TEST(ThreadPool, runs_a_nested_loop_on_the_worker_that_asks) {
  ThreadPool pool(2);
  std::atomic<int> runs{0};
  pool.parallel_for(4, [&](std::size_t, int outer) {
    pool.parallel_for(5, [&](std::size_t, int inner) {
      EXPECT_EQ(inner, outer);
      ++runs;
    });
  });
  EXPECT_EQ(runs, 20);
}

}  // namespace
}  // namespace narabi::base
