#include "kernels/gemm.h"

#include "kernels/bf16.h"
#include "kernels/checked_regions.h"
#include "kernels/gemm_sets.h"

namespace narabi::kernels {
namespace {

void check(const GemmArgs& args) {
  const PackedWeight& weight = *args.weight;
  const std::size_t rows = args.rows;
  const bool f32 = weight.operand == Operand::kF32 || args.epilogue == Epilogue::kAdd;
  const std::size_t value = f32 ? sizeof(float) : sizeof(Bf16);
  check_region(weight.data, 1, 0, weight.data_bytes());
  check_region(weight.bias, 1, 0, weight.out * sizeof(float));
  check_region(args.input, rows, args.input_stride, weight.in * bytes_of(weight.operand));
  if (weight.operand == Operand::kInt8) {
    for (const float* column : {weight.scale, weight.compensation})
      check_region(column, 1, 0, weight.out * sizeof(float));
    for (const float* row : {args.row_scale, args.row_shift})
      check_region(row, 1, 0, rows * sizeof(float));
  }
  if (args.epilogue == Epilogue::kRotate) {
    check_region(args.positions, 1, 0, rows * sizeof(std::int32_t));
    for (std::size_t r = 0; r < rows; ++r) {
      const auto at = static_cast<std::size_t>(args.positions[r]) * args.rotary_stride;
      for (const float* table : {args.cosine, args.sine})
        check_region(table + at, 1, 0, 16 * args.rotary_blocks * sizeof(float));
    }
  }
  const std::size_t width = args.epilogue == Epilogue::kGeglu ? weight.out / 2 : weight.out;
  check_region(args.output, rows, args.output_stride * value, width * value);
}

template <Gemm kernel>
void checked(const GemmArgs& args) {
  check(args);
  kernel(args);
}

template <Gemm kernel>
constexpr Gemm kChosen = kRegionsChecked ? checked<kernel> : kernel;

}  // namespace

Gemm gemm(base::Isa set) {
  switch (set) {
    case base::Isa::kAmx:
      return kChosen<gemm_amx>;
    case base::Isa::kBf16:
      return kChosen<gemm_bf16>;
    case base::Isa::kVnni:
      return kChosen<gemm_vnni>;
    case base::Isa::kAvx512:
      return kChosen<gemm_avx512>;
    case base::Isa::kAvx2:
      return kChosen<gemm_avx2>;
    case base::Isa::kScalar:
      break;
  }
  return kChosen<gemm_scalar>;
}

Gemm gemm() {
  static const Gemm chosen = gemm(base::isa());
  return chosen;
}

}  // namespace narabi::kernels
