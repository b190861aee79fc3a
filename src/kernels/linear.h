// y = x W^T + b on oneDNN, weights packed once and shared by all threads.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace narabi::kernels {

// One linear layer. Immutable; run() may be called from any number of threads, each GEMM runs on
// the thread that calls it. A row's result depends on the row and on `rows` only: callers cut a
// sequence into panels by its own length, and so a sequence's result never depends on anything
// else.
class Linear {
 public:
  // weight: [out, in] row-major as PyTorch stores it; bias: [out], or empty.
  Linear(std::span<const float> weight, std::span<const float> bias, std::size_t in,
         std::size_t out);
  ~Linear();
  Linear(Linear&&) noexcept;
  Linear& operator=(Linear&&) noexcept;

  // x: [rows, in], y: [rows, out], rows >= 1. The kernel for a number of rows is made at its first
  // use (about a millisecond) and kept: pass few different ones, see panel_rows().
  void run(const float* x, std::size_t rows, float* y) const;

  std::size_t in() const;
  std::size_t out() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// `rows` rounded up so that few different kernels are made while little work is added: to a
// multiple of 4 up to 32, of 8 up to 128, of 16 above.
std::size_t panel_rows(std::size_t rows);

// Lets GEMMs called from this thread run on this thread alone. Call once on every worker.
void use_one_thread_per_gemm();

}  // namespace narabi::kernels
