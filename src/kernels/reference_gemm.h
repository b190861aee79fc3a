// oneDNN's plain GEMM, as the yardstick of what the machine can do; no model runs on it.
#pragma once

#include <cstddef>
#include <memory>

#include "kernels/packed_weight.h"

namespace narabi::kernels {

// One problem with its own memory: [rows, in] x [in, out], f32 -> f32, bf16 -> f32, u8 x s8 -> s32,
// weights in the layout that oneDNN likes best. Use an object from one thread at a time.
class ReferenceGemm {
 public:
  ReferenceGemm(Operand operand, std::size_t rows, std::size_t in, std::size_t out);
  ~ReferenceGemm();
  ReferenceGemm(ReferenceGemm&&) noexcept;
  void run();  // on the calling thread alone

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narabi::kernels
