#include "engine/gemm_rate.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/reference_gemm.h"

namespace narabi::engine {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kSecondsARound = 0.06;

struct Shape {
  std::size_t in, out;
};

double measure_shape(kernels::Operand operand, std::size_t rows, Shape shape,
                     base::ThreadPool& pool, int rounds) {
  const auto threads = static_cast<std::size_t>(pool.threads());
  std::vector<kernels::ReferenceGemm> gemms;
  for (std::size_t i = 0; i < threads; ++i) gemms.emplace_back(operand, rows, shape.in, shape.out);
  const double flops = 2.0 * static_cast<double>(rows * shape.in * shape.out);
  std::vector<double> rates;
  std::size_t repeats = 1;
  for (int round = 0; round < rounds + 2; ++round) {
    const auto start = Clock::now();
    pool.parallel_for(threads, [&](std::size_t i, int) {
      for (std::size_t r = 0; r < repeats; ++r) gemms[i].run();
    });
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (round < 2) {  // warm-up, and how many repeats fill a round
      repeats = std::max<std::size_t>(
          1, static_cast<std::size_t>(static_cast<double>(repeats) * kSecondsARound / seconds));
    } else {
      rates.push_back(flops * static_cast<double>(repeats * threads) / seconds / 1e9);
    }
  }
  std::nth_element(rates.begin(), rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2),
                   rates.end());
  return rates[rates.size() / 2];
}

}  // namespace

double measure_gemm_gops(kernels::Operand operand, std::size_t hidden, std::size_t intermediate,
                         int threads, int rounds) {
  base::ThreadPool pool(threads);
  double best = 0;
  for (const Shape shape :
       {Shape{1024, 1024}, {hidden, 3 * hidden}, {hidden, intermediate}, {intermediate, hidden}}) {
    for (const std::size_t rows : {200, 1024})
      best = std::max(best, measure_shape(operand, rows, shape, pool, rounds));
  }
  return best;
}

}  // namespace narabi::engine
