// The specification of gemm.h.
#include <cmath>
#include <cstring>

#include "kernels/bf16.h"
#include "kernels/gemm_sets.h"

namespace narabi::kernels {
namespace {

template <typename Value>
Value read(const std::byte* p) {
  Value value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// One output before the epilogue: x W^T + b.
float product(const GemmArgs& args, std::size_t row, std::size_t column) {
  const PackedWeight& w = *args.weight;
  const auto* x = static_cast<const std::byte*>(args.input) + row * args.input_stride;
  const std::size_t groups = w.in * bytes_of(w.operand) / 4;
  const std::byte* block = w.data + (column / kBlockColumns * groups * kBlockColumns +
                                     column % kBlockColumns) * 4;
  const auto weight_at = [&](std::size_t g) { return block + g * kBlockColumns * 4; };
  if (w.operand == Operand::kInt8) {
    std::int32_t sum = 0;
    for (std::size_t k = 0; k < w.in; ++k)
      sum += std::to_integer<int>(x[k]) * read<std::int8_t>(weight_at(k / 4) + k % 4);
    const float dot = args.row_scale[row] * static_cast<float>(sum);
    return std::fma(dot, w.scale[column],
                    std::fma(args.row_shift[row], w.compensation[column], w.bias[column]));
  }
  double sum = 0;
  for (std::size_t k = 0; k < w.in; ++k) {
    if (w.operand == Operand::kF32) {
      sum += static_cast<double>(read<float>(x + 4 * k)) * read<float>(weight_at(k));
    } else {
      sum += static_cast<double>(from_bf16(read<Bf16>(x + 2 * k))) *
             from_bf16(read<Bf16>(weight_at(k / 2) + k % 2 * 2));
    }
  }
  return static_cast<float>(sum) + w.bias[column];
}

float gelu(float x) {
  const double value = x;
  return static_cast<float>(0.5 * value * (1.0 + std::erf(value * 0.70710678118654752)));
}

void store(const GemmArgs& args, std::size_t row, std::size_t column, float value) {
  const std::size_t at = row * args.output_stride + column;
  if (args.epilogue == Epilogue::kAdd) {
    static_cast<float*>(args.output)[at] += value;
  } else if (args.weight->operand == Operand::kF32) {
    static_cast<float*>(args.output)[at] = value;
  } else {
    static_cast<Bf16*>(args.output)[at] = to_bf16(value);
  }
}

// The lanes of column `lane` and lane + 16 of a block.
void finish(const GemmArgs& args, std::size_t row, std::size_t block, std::size_t lane) {
  const std::size_t column = block * kBlockColumns + lane;
  const float a = product(args, row, column), b = product(args, row, column + 16);
  if (args.epilogue == Epilogue::kGeglu) return store(args, row, block * 16 + lane, gelu(a) * b);
  if (args.epilogue == Epilogue::kGelu) {
    store(args, row, column, gelu(a));
    return store(args, row, column + 16, gelu(b));
  }
  if (args.epilogue == Epilogue::kRotate) {
    const std::size_t at = static_cast<std::size_t>(args.positions[row]) * args.rotary_stride +
                           block % args.rotary_blocks * 16 + lane;
    const float cosine = args.cosine[at], sine = args.sine[at];
    store(args, row, column, a * cosine - b * sine);
    return store(args, row, column + 16, b * cosine + a * sine);
  }
  store(args, row, column, a);
  store(args, row, column + 16, b);
}

}  // namespace

void gemm_scalar(const GemmArgs& args) {
  for (std::size_t row = 0; row < args.rows; ++row) {
    for (std::size_t block = 0; block < args.weight->blocks(); ++block) {
      for (std::size_t lane = 0; lane < 16; ++lane) finish(args, row, block, lane);
    }
  }
}

}  // namespace narabi::kernels
