#include "kernels/linear.h"

#include <omp.h>

#include <mutex>
#include <oneapi/dnnl/dnnl.hpp>
#include <shared_mutex>
#include <unordered_map>

#include "narabi/error.h"

namespace narabi::kernels {
namespace {

using dnnl::memory;

constexpr memory::dim kTypicalRows =
    192;  // the layout of the weights is chosen for panels of this height

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

memory::desc row_major(memory::dim rows, memory::dim columns) {
  return {{rows, columns}, memory::data_type::f32, memory::format_tag::ab};
}

// A stream and the scratch memory that oneDNN asks for, one a thread.
struct ThreadState {
  dnnl::stream stream{cpu()};
  std::unique_ptr<memory> scratchpad;
};

ThreadState& thread_state() {
  thread_local ThreadState state;
  return state;
}

}  // namespace

struct Linear::Impl {
  struct Kernel {
    dnnl::matmul::primitive_desc description;
    dnnl::matmul primitive;
  };

  memory::dim in, out;
  std::vector<float> bias;
  memory weights;
  mutable std::shared_mutex mutex;
  mutable std::unordered_map<std::size_t, Kernel>
      kernels;  // by rows; node-based: references stay valid

  dnnl::matmul::primitive_desc describe(memory::dim rows, const memory::desc& weight) const {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const memory::desc x = row_major(rows, in), y = row_major(rows, out);
    const dnnl::matmul::desc operation = bias.empty()
                                             ? dnnl::matmul::desc(x, weight, y)
                                             : dnnl::matmul::desc(x, weight, row_major(1, out), y);
    return {operation, attributes, cpu()};
  }

  void pack(std::span<const float> weight) {
    const memory::desc any({in, out}, memory::data_type::f32, memory::format_tag::any);
    const memory::desc given({in, out}, memory::data_type::f32,
                             memory::format_tag::ba);  // [out, in] read as [in, out]
    memory source(given, cpu(), const_cast<float*>(weight.data()));
    weights = memory(describe(kTypicalRows, any).weights_desc(), cpu());
    dnnl::reorder(source, weights).execute(thread_state().stream, source, weights);
    thread_state().stream.wait();
  }

  const Kernel& kernel(std::size_t rows) const {
    {
      const std::shared_lock lock(mutex);
      const auto found = kernels.find(rows);
      if (found != kernels.end()) return found->second;
    }
    const std::unique_lock lock(mutex);
    const auto found = kernels.find(rows);
    if (found != kernels.end()) return found->second;
    const auto description = describe(static_cast<memory::dim>(rows), weights.get_desc());
    return kernels.emplace(rows, Kernel{description, dnnl::matmul(description)}).first->second;
  }
};

Linear::Linear(std::span<const float> weight, std::span<const float> bias, std::size_t in,
               std::size_t out)
    : impl_(std::make_unique<Impl>()) {
  if (weight.size() != in * out || (!bias.empty() && bias.size() != out)) {
    throw InvalidArgument("Linear: expected a weight of " + std::to_string(in * out) +
                          " values, found " + std::to_string(weight.size()));
  }
  impl_->in = static_cast<memory::dim>(in);
  impl_->out = static_cast<memory::dim>(out);
  impl_->bias.assign(bias.begin(), bias.end());
  impl_->pack(weight);
}

Linear::~Linear() = default;
Linear::Linear(Linear&&) noexcept = default;
Linear& Linear::operator=(Linear&&) noexcept = default;

void Linear::run(const float* x, std::size_t rows, float* y) const {
  ThreadState& state = thread_state();
  const Impl::Kernel& kernel = impl_->kernel(rows);
  const memory::desc scratch = kernel.description.scratchpad_desc();
  if (!state.scratchpad || state.scratchpad->get_desc().get_size() < scratch.get_size()) {
    state.scratchpad = std::make_unique<memory>(scratch, cpu());
  }
  const auto view = [](const memory::desc& description, const float* data) {
    return memory(description, cpu(), const_cast<float*>(data));
  };
  std::unordered_map<int, memory> arguments{
      {DNNL_ARG_SRC, view(kernel.description.src_desc(), x)},
      {DNNL_ARG_WEIGHTS, impl_->weights},
      {DNNL_ARG_DST, view(kernel.description.dst_desc(), y)},
      {DNNL_ARG_SCRATCHPAD,
       view(scratch, static_cast<float*>(state.scratchpad->get_data_handle()))}};
  if (!impl_->bias.empty()) {
    arguments.emplace(DNNL_ARG_BIAS, view(row_major(1, impl_->out), impl_->bias.data()));
  }
  kernel.primitive.execute(state.stream, arguments);
  state.stream.wait();
}

std::size_t Linear::in() const {
  return static_cast<std::size_t>(impl_->in);
}
std::size_t Linear::out() const {
  return static_cast<std::size_t>(impl_->out);
}

std::size_t panel_rows(std::size_t rows) {
  const std::size_t step = rows <= 32 ? 4 : rows <= 128 ? 8 : 16;
  return (rows + step - 1) / step * step;
}

void use_one_thread_per_gemm() {
  omp_set_num_threads(1);
}

}  // namespace narabi::kernels
