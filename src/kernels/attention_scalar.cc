// The specification of attention.h.
#include <algorithm>
#include <cmath>

#include "kernels/attention_sets.h"

namespace narabi::kernels {
namespace {

// The result of token i in head h.
void attend(const AttentionArgs& args, std::size_t h, std::size_t i) {
  const std::size_t begin = args.window > 0 && i > args.window ? i - args.window : 0;
  const std::size_t end =
      args.window > 0 ? std::min(args.tokens, i + args.window + 1) : args.tokens;
  const float* query = args.query + i * args.query_stride + h * args.size;
  const auto row = [&](const float* base, std::size_t t) {
    return base + t * args.stride + h * args.size;
  };
  float* scores = args.scratch;
  float highest = -INFINITY;
  for (std::size_t j = begin; j < end; ++j) {
    double dot = 0;
    for (std::size_t d = 0; d < args.size; ++d) dot += query[d] * row(args.key, j)[d];
    scores[j] = static_cast<float>(dot) * args.scale;
    highest = std::max(highest, scores[j]);
  }
  double total = 0;
  for (std::size_t j = begin; j < end; ++j) {
    scores[j] = std::exp(scores[j] - highest);
    total += scores[j];
  }
  float* out = args.output + i * args.output_stride + h * args.size;
  for (std::size_t d = 0; d < args.size; ++d) {
    double value = 0;
    for (std::size_t j = begin; j < end; ++j) value += scores[j] * row(args.value, j)[d];
    out[d] = static_cast<float>(value / total);
  }
}

}  // namespace

void attention_scalar(const AttentionArgs& args) {
  for (std::size_t h = 0; h < args.heads; ++h) {
    for (std::size_t i = 0; i < args.queries; ++i) attend(args, h, i);
  }
}

}  // namespace narabi::kernels
