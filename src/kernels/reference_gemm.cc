#include "kernels/reference_gemm.h"

#include <omp.h>

#include <cstring>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

namespace narabi::kernels {
namespace {

using dnnl::memory;
using Type = memory::data_type;

struct Types {
  Type input, weight, output;
};

Types types_of(Operand operand) {
  switch (operand) {
    case Operand::kInt8:
      return {Type::u8, Type::s8, Type::s32};
    case Operand::kBf16:
      return {Type::bf16, Type::bf16, Type::f32};
    case Operand::kF32:
      break;
  }
  return {Type::f32, Type::f32, Type::f32};
}

dnnl::matmul::primitive_desc describe(const dnnl::engine& engine, Types types, memory::dim rows,
                                      memory::dim in, memory::dim out) {
  using Tag = memory::format_tag;
  return {
      dnnl::matmul::desc({{rows, in}, types.input, Tag::ab}, {{in, out}, types.weight, Tag::any},
                         {{rows, out}, types.output, Tag::ab}),
      engine};
}

// Memory of a description, every byte 1: speed does not depend on the values, as long as none is
// denormal, and a float of four such bytes is not.
memory filled(const memory::desc& description, const dnnl::engine& engine) {
  memory result(description, engine);
  std::memset(result.get_data_handle(), 1, description.get_size());
  return result;
}

}  // namespace

struct ReferenceGemm::Impl {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::matmul primitive;
  std::unordered_map<int, memory> arguments;
};

ReferenceGemm::ReferenceGemm(Operand operand, std::size_t rows, std::size_t in, std::size_t out)
    : impl_(std::make_unique<Impl>()) {
  const auto extent = [](std::size_t n) { return static_cast<memory::dim>(n); };
  const auto description =
      describe(impl_->engine, types_of(operand), extent(rows), extent(in), extent(out));
  impl_->primitive = dnnl::matmul(description);
  impl_->arguments = {{DNNL_ARG_SRC, filled(description.src_desc(), impl_->engine)},
                      {DNNL_ARG_WEIGHTS, filled(description.weights_desc(), impl_->engine)},
                      {DNNL_ARG_DST, filled(description.dst_desc(), impl_->engine)}};
}

ReferenceGemm::~ReferenceGemm() = default;
ReferenceGemm::ReferenceGemm(ReferenceGemm&&) noexcept = default;

void ReferenceGemm::run() {
  omp_set_num_threads(1);
  impl_->primitive.execute(impl_->stream, impl_->arguments);
  impl_->stream.wait();
}

}  // namespace narabi::kernels
