#include "kernels/sgemm.h"

#include <oneapi/dnnl/dnnl.h>

#include "narabi/error.h"

namespace narabi::kernels {

void sgemm(const Sgemm& p) {
  // oneDNN is row-major: the transpose of everything.
  const auto op = [](bool transposed) { return transposed ? 'T' : 'N'; };
  if (dnnl_sgemm(op(p.transposed_b), op(p.transposed_a), p.n, p.m, p.k, p.alpha, p.b, p.ldb, p.a,
                 p.lda, p.beta, p.c, p.ldc) != dnnl_success)
    throw InvalidArgument("sgemm: sizes that do not fit");
}

}  // namespace narabi::kernels
