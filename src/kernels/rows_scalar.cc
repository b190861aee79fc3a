// The specification of rows.h.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/rows_sets.h"

namespace narabi::kernels {
namespace {

void quantise_row(const float* y, std::size_t padded, const OperandRows& rows, std::size_t r) {
  float low = 0, high = 0;
  for (std::size_t i = 0; i < padded; ++i) {
    low = std::min(low, y[i]);
    high = std::max(high, y[i]);
  }
  const float range = high - low;
  const float inverse = range > 1e-30f ? 255.0f / range : 0.0f;
  const float zero = std::nearbyint(-low * inverse);
  for (std::size_t i = 0; i < padded; ++i) {
    const float byte = std::nearbyint(std::fma(y[i], inverse, zero));
    rows.data[r * rows.stride + i] =
        static_cast<std::byte>(static_cast<int>(std::clamp(byte, 0.0f, 255.0f)));
  }
  rows.scale[r] = range / 255.0f;
  rows.shift[r] = -zero * rows.scale[r];
}

void put_row(const float* y, std::size_t padded, const OperandRows& rows, std::size_t r) {
  std::byte* out = rows.data + r * rows.stride;
  if (rows.operand == Operand::kInt8) return quantise_row(y, padded, rows, r);
  if (rows.operand == Operand::kF32) {
    std::memmove(out, y, padded * sizeof(float));
    return;
  }
  for (std::size_t i = 0; i < padded; ++i) {
    const Bf16 half = to_bf16(y[i]);
    std::memcpy(out + 2 * i, &half, sizeof half);
  }
}

void norm_row(const NormArgs& args, std::size_t r) {
  const float* x = args.input + r * args.padded;
  float* y = args.output + r * args.output_stride;
  if (args.weight == nullptr) {
    std::memmove(y, x, args.padded * sizeof(float));
    return;
  }
  const auto width = static_cast<double>(args.width);
  double mean = 0, variance = 0;
  for (std::size_t i = 0; i < args.width; ++i) mean += x[i];
  mean /= width;
  for (std::size_t i = 0; i < args.width; ++i) variance += (x[i] - mean) * (x[i] - mean);
  const double scale = 1.0 / std::sqrt(variance / width + args.epsilon);
  for (std::size_t i = 0; i < args.padded; ++i) {
    const double bias = args.bias ? args.bias[i] : 0.0;
    y[i] = static_cast<float>((x[i] - mean) * scale * args.weight[i] + bias);
  }
}

void norm(const NormArgs& args) {
  for (std::size_t r = 0; r < args.rows; ++r) {
    norm_row(args, r);
    if (args.operand.data) {
      put_row(args.output + r * args.output_stride, args.padded, args.operand, r);
    }
  }
}

void quantise(const QuantiseArgs& args) {
  std::vector<float> values(args.padded);
  for (std::size_t r = 0; r < args.rows; ++r) {
    for (std::size_t i = 0; i < args.padded; ++i)
      values[i] = from_bf16(args.input[r * args.padded + i]);
    quantise_row(values.data(), args.padded, args.output, r);
  }
}

void rotate(const RotateArgs& args) {
  for (std::size_t block = 0; block < args.width / 32; ++block) {
    const std::size_t angle = block % args.rotary_blocks * 16;
    for (std::size_t lane = 0; lane < 16; ++lane) {
      const std::size_t i = block * 32 + lane;
      const float a = args.input[i], b = args.input[i + 16];
      const float cosine = args.cosine[angle + lane], sine = args.sine[angle + lane];
      args.output[i] = a * cosine - b * sine;
      args.output[i + 16] = b * cosine + a * sine;
    }
  }
}

}  // namespace

const RowKernels kRowsScalar = {norm, quantise, rotate};

}  // namespace narabi::kernels
