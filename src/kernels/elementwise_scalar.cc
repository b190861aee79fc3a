// The specification of elementwise.h: plain loops, double sums.
#include <cmath>

#include "kernels/elementwise_sets.h"

namespace narabi::kernels {
namespace {

void layer_norm(const LayerNormArgs& args) {
  for (std::size_t r = 0; r < args.rows; ++r) {
    const float* x = args.input + r * args.width;
    const float* residual = args.residual ? args.residual + r * args.width : nullptr;
    float* y = args.output + r * args.width;
    double sum = 0;
    for (std::size_t i = 0; i < args.width; ++i) {
      y[i] = residual ? x[i] + residual[i] : x[i];
      sum += y[i];
    }
    const double mean = sum / static_cast<double>(args.width);
    double squares = 0;
    for (std::size_t i = 0; i < args.width; ++i) squares += (y[i] - mean) * (y[i] - mean);
    const double scale = 1 / std::sqrt(squares / static_cast<double>(args.width) + args.epsilon);
    for (std::size_t i = 0; i < args.width; ++i) {
      const double normed = (y[i] - mean) * scale * args.weight[i];
      y[i] = static_cast<float>(args.bias ? normed + args.bias[i] : normed);
    }
  }
}

float gelu_of(float x) {
  return 0.5f * x * (1.0f + std::erf(x * 0.70710678f));
}

void gelu(float* values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) values[i] = gelu_of(values[i]);
}

void geglu(const float* both, std::size_t rows, std::size_t width, float* out) {
  for (std::size_t r = 0; r < rows; ++r) {
    const float* row = both + r * 2 * width;
    for (std::size_t i = 0; i < width; ++i) out[r * width + i] = gelu_of(row[i]) * row[width + i];
  }
}

void add(const float* values, std::size_t count, float* sum) {
  for (std::size_t i = 0; i < count; ++i) sum[i] += values[i];
}

void rope(const RopeArgs& args) {
  const std::size_t half = args.size / 2;
  for (std::size_t r = 0; r < args.rows; ++r) {
    for (std::size_t h = 0; h < args.count; ++h) {
      float* a = args.heads + r * args.stride + h * args.size;
      float* b = a + half;
      for (std::size_t i = 0; i < half; ++i) {
        const float c = args.cosine[r * half + i], s = args.sine[r * half + i];
        const float rotated = a[i] * c - b[i] * s;
        b[i] = b[i] * c + a[i] * s;
        a[i] = rotated;
      }
    }
  }
}

}  // namespace

const Elementwise kElementwiseScalar = {layer_norm, gelu, geglu, add, rope};

}  // namespace narabi::kernels
