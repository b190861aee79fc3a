#include "kernels/sgemm.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "narabi/error.h"

namespace narabi::kernels {
namespace {

// Leading dimensions are larger than they need to be, and what lies between is left alone.
TEST(Sgemm, IsTheColumnMajorProductOfBlas) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(-1, 1);
  const long m = 37, n = 19, k = 53;
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      const long lda = (ta ? k : m) + 2, ldb = (tb ? n : k) + 3, ldc = m + 4;
      std::vector<float> a(lda * (ta ? m : k)), b(ldb * (tb ? k : n)), c(ldc * n);
      for (auto* matrix : {&a, &b, &c}) {
        for (float& value : *matrix) value = uniform(random);
      }
      const std::vector<float> before = c;
      sgemm({ta, tb, m, n, k, 1.5f, a.data(), lda, b.data(), ldb, 0.5f, c.data(), ldc});
      for (long j = 0; j < n; ++j) {
        for (long i = 0; i < ldc; ++i) {
          double expected = before[j * ldc + i];
          if (i < m) {
            expected *= 0.5;
            for (long l = 0; l < k; ++l)
              expected +=
                  1.5 * a[ta ? i * lda + l : l * lda + i] * b[tb ? l * ldb + j : j * ldb + l];
          }
          EXPECT_NEAR(c[j * ldc + i], expected, 2e-5) << ta << tb << " " << i << "," << j;
        }
      }
    }
  }
}

TEST(Sgemm, SizesThatDoNotFitAreRefused) {
  float one = 1;
  EXPECT_THROW(sgemm({false, false, 4, 4, 4, 1, &one, 1, &one, 4, 0, &one, 4}), InvalidArgument);
}

}  // namespace
}  // namespace narabi::kernels
