#include "kernels/attention.h"

#include <algorithm>

#include "kernels/attention_sets.h"
#include "kernels/checked_regions.h"

namespace narabi::kernels {
namespace {

constexpr std::size_t kMaxLanes = 16;
constexpr std::size_t kMaxRows = 16;

// Rounded up to whole tiles.
std::size_t columns_of(std::size_t tokens) {
  return (tokens + 2 * kMaxLanes - 1) / (2 * kMaxLanes) * (2 * kMaxLanes);
}

// What attention_products_int16() needs beside keys and scores: scales of keys and values, queries
// in pairs.
std::size_t int16_scratch(std::size_t tokens, std::size_t size) {
  return 2 * columns_of(tokens) + kMaxRows * size / 2;
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

// By what a row may see and not by how many tokens there are: a layer may leave out those that no
// row sees.
void attention_integers(const AttentionBf16Args& args) {
  const std::size_t seen = args.window > 0 ? 2 * args.window + 1 : args.tokens;
  const bool fits = seen <= kMostKeys && args.size <= kMostElements;
  (fits ? attention_products_int16 : attention_widened<base::Isa::kAvx512>)(args);
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
  check(args, attention_scratch(args.tokens, args.size));
  kernel(args);
}

template <AttentionBf16 kernel>
void checked_bf16(const AttentionBf16Args& args) {
  check(args, attention_bf16_scratch(args.tokens, args.size));
  kernel(args);
}

template <Attention kernel>
constexpr Attention kChosen = kRegionsChecked ? checked<kernel> : kernel;
template <AttentionBf16 kernel>
constexpr AttentionBf16 kChosenBf16 = kRegionsChecked ? checked_bf16<kernel> : kernel;

}  // namespace

// Transposed keys, and the scores of one block of query rows.
std::size_t attention_scratch(std::size_t tokens, std::size_t size) {
  return columns_of(tokens) * (size + kMaxRows);
}

std::size_t attention_bf16_scratch(std::size_t tokens, std::size_t size) {
  const std::size_t widened = 4 * tokens * size;  // the head of attention_widened()
  return attention_scratch(tokens, size) + std::max(widened, int16_scratch(tokens, size));
}

Attention attention(base::Isa set) {
  switch (set) {
    case base::Isa::kAmx:
    case base::Isa::kBf16:
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
    case base::Isa::kAmx:
      return kChosenBf16<attention_tiles>;
    case base::Isa::kBf16:
      return kChosenBf16<attention_products_bf16>;
    case base::Isa::kVnni:
      return kChosenBf16<attention_integers>;
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
  const bool slow = base::isa() == base::Isa::kBf16 && !base::bf16_is_fast();
  static const AttentionBf16 chosen = attention_bf16(slow ? base::Isa::kVnni : base::isa());
  return chosen;
}

}  // namespace narabi::kernels
