// BLAS's sgemm by oneDNN, which asks the CPU what it can. Debian's OpenBLAS knows CPUs by their
// model numbers instead, and runs SSE3 code on those that are newer than itself.
#pragma once

namespace narabi::kernels {

// C = alpha * op(A) * op(B) + beta * C, all column-major, as BLAS has it: op(A) is m x k, op(B) k x
// n, C m x n; transposed_*: op is the transpose. With the threads of OpenMP.
struct Sgemm {
  bool transposed_a = false, transposed_b = false;
  long m = 0, n = 0, k = 0;
  float alpha = 1;
  const float* a = nullptr;
  long lda = 0;
  const float* b = nullptr;
  long ldb = 0;
  float beta = 0;
  float* c = nullptr;
  long ldc = 0;
};
void sgemm(const Sgemm& product);  // throws InvalidArgument for sizes that do not fit

}  // namespace narabi::kernels
