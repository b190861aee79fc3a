#include "kernels/attention.h"

#include "kernels/attention_sets.h"
#include "kernels/checked_regions.h"

namespace narabi::kernels {
namespace {

constexpr std::size_t kMaxLanes = 16;
constexpr std::size_t kMaxRows = 12;

// Transposed keys, and the scores of one block of query rows; columns rounded up to whole tiles.
std::size_t head_scratch(std::size_t tokens, std::size_t size) {
  const std::size_t columns = (tokens + 2 * kMaxLanes - 1) / (2 * kMaxLanes) * (2 * kMaxLanes);
  return columns * (size + kMaxRows);
}

// For sets without instructions for bf16: a head at a time in f32.
template <base::Isa set>
void attention_widened(const AttentionBf16Args& args) {
  const std::size_t size = args.size;
  float* query = args.scratch;
  float *key = query + args.tokens * size, *value = key + args.tokens * size,
        *output = value + args.tokens * size, *scratch = output + args.tokens * size;
  const auto widen = [&](const Bf16* from, std::size_t stride, std::size_t count, float* to) {
    for (std::size_t t = 0; t < count; ++t) {
      for (std::size_t d = 0; d < size; ++d) to[t * size + d] = from_bf16(from[t * stride + d]);
    }
  };
  for (std::size_t h = 0; h < args.heads; ++h) {
    widen(args.query + h * size, args.query_stride, args.queries, query);
    widen(args.key + h * size, args.stride, args.tokens, key);
    widen(args.value + h * size, args.stride, args.tokens, value);
    attention(set)({.query = query,
                    .query_stride = size,
                    .queries = args.queries,
                    .key = key,
                    .value = value,
                    .stride = size,
                    .tokens = args.tokens,
                    .heads = 1,
                    .size = size,
                    .scale = args.scale,
                    .window = args.window,
                    .scratch = scratch,
                    .output = output,
                    .output_stride = size});
    for (std::size_t t = 0; t < args.queries; ++t) {
      for (std::size_t d = 0; d < size; ++d)
        args.output[t * args.output_stride + h * size + d] = to_bf16(output[t * size + d]);
    }
  }
}

template <typename Value>
void check(const AttentionArgsOf<Value>& args, std::size_t scratch) {
  const std::size_t value = sizeof(Value), width = args.heads * args.size * value;
  check_region(args.query, args.queries, args.query_stride * value, width);
  check_region(args.key, args.tokens, args.stride * value, width);
  check_region(args.value, args.tokens, args.stride * value, width);
  check_region(args.scratch, 1, 0, scratch * sizeof(float));
  check_region(args.output, args.queries, args.output_stride * value, width);
}

template <Attention kernel>
void checked(const AttentionArgs& args) {
  check(args, head_scratch(args.tokens, args.size));
  kernel(args);
}

template <AttentionBf16 kernel>
void checked_bf16(const AttentionBf16Args& args) {
  check(args, attention_scratch(args.tokens, args.size));
  kernel(args);
}

template <Attention kernel>
constexpr Attention kChosen = kRegionsChecked ? checked<kernel> : kernel;
template <AttentionBf16 kernel>
constexpr AttentionBf16 kChosenBf16 = kRegionsChecked ? checked_bf16<kernel> : kernel;

}  // namespace

std::size_t attention_scratch(std::size_t tokens, std::size_t size) {
  return head_scratch(tokens, size) + 4 * tokens * size;  // the widened head of attention_widened()
}

Attention attention(base::Isa set) {
  switch (set) {
    case base::Isa::kVnni:
    case base::Isa::kAvx512:
      return kChosen<attention_avx512>;
    case base::Isa::kAvx2:
      return kChosen<attention_avx2>;
    case base::Isa::kScalar:
      break;
  }
  return kChosen<attention_scalar>;
}

Attention attention() {
  static const Attention chosen = attention(base::isa());
  return chosen;
}

AttentionBf16 attention_bf16(base::Isa set) {
  switch (set) {
    case base::Isa::kVnni:
      return kChosenBf16<attention_bf16_vnni>;
    case base::Isa::kAvx512:
      return kChosenBf16<attention_widened<base::Isa::kAvx512>>;
    case base::Isa::kAvx2:
      return kChosenBf16<attention_widened<base::Isa::kAvx2>>;
    case base::Isa::kScalar:
      break;
  }
  return kChosenBf16<attention_widened<base::Isa::kScalar>>;
}

AttentionBf16 attention_bf16() {
  static const AttentionBf16 chosen = attention_bf16(base::isa());
  return chosen;
}

}  // namespace narabi::kernels
