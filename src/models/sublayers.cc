#include "models/sublayers.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/attention.h"
#include "kernels/gemm.h"

namespace narabi::models {
namespace {

using kernels::Bf16;
using kernels::Epilogue;
using kernels::GemmArgs;
using kernels::Operand;
using kernels::OperandRows;
using kernels::PackedWeight;

constexpr std::size_t kEveryRow = std::size_t{1} << 30;  // no panels but the members'

std::size_t value_bytes(Operand operand) {
  return operand == Operand::kF32 ? sizeof(float) : sizeof(Bf16);
}

GemmArgs gemm_args(const PackedWeight& weight, const OperandRows& input, std::size_t rows,
                   Epilogue epilogue, void* output, std::size_t output_stride) {
  GemmArgs args;
  args.weight = &weight;
  args.input = input.data;
  args.input_stride = input.stride;
  args.row_scale = input.scale;
  args.row_shift = input.shift;
  args.rows = rows;
  args.epilogue = epilogue;
  args.output = output;
  args.output_stride = output_stride;
  return args;
}

// What the GEMM with operand `from` wrote, [rows, width] of f32 or bf16, as the input of one with
// operand `to`: read where it is, or rounded (or, from bf16 to f32, widened) into `slot`.
OperandRows as_operand(Operand from, Operand to, std::byte* values, std::size_t rows,
                       std::size_t width, Workspace::Slot slot, Workspace& workspace) {
  const bool f32 = from == Operand::kF32;
  if (to == (f32 ? Operand::kF32 : Operand::kBf16))
    return {to, values, width * value_bytes(to), nullptr, nullptr};
  const OperandRows rounded = workspace.operand_rows(slot, to, rows, width);
  if (f32) {
    normalise({nullptr, 0, width}, reinterpret_cast<const float*>(values), rows, nullptr, rounded,
              workspace);
  } else if (to == Operand::kInt8) {
    kernels::row_kernels().quantise({.input = reinterpret_cast<const Bf16*>(values),
                                     .rows = rows,
                                     .padded = width,
                                     .output = rounded});
  } else {
    std::transform(reinterpret_cast<const Bf16*>(values),
                   reinterpret_cast<const Bf16*>(values) + rows * width,
                   reinterpret_cast<float*>(rounded.data), kernels::from_bf16);
  }
  return rounded;
}

// The queries among the input rows: all of them, or copies of the sequences' first rows.
OperandRows query_rows(const OperandRows& input, LayerRows rows, std::size_t width,
                       Workspace& workspace) {
  if (total_rows(rows.in) == total_rows(rows.out)) return input;
  const OperandRows kept =
      workspace.operand_rows(Workspace::kQueryInput, input.operand, total_rows(rows.out), width);
  keep_rows(rows.in, rows.out, input.stride, input.data, kept.data);
  if (input.operand == Operand::kInt8) {
    const auto copy = [&](const float* from, float* to) {
      keep_rows(rows.in, rows.out, sizeof(float), reinterpret_cast<const std::byte*>(from),
                reinterpret_cast<std::byte*>(to));
    };
    copy(input.scale, kept.scale);
    copy(input.shift, kept.shift);
  }
  return kept;
}

// Some rows of a batch, from `first` on.
struct Panel {
  const BatchRows& rows;
  std::size_t first, count;
};

// output = input W^T + b for a panel of both, rotated where the call says so.
void project(const AttentionCall& call, const PackedWeight& weight, const OperandRows& input,
             const Panel& panel, bool rotate, std::byte* output, Workspace& workspace) {
  const std::size_t width = call.shape.attention_width();
  GemmArgs args = gemm_args(weight, rows_from(input, panel.first), panel.count, Epilogue::kStore,
                            output + panel.first * width * value_bytes(input.operand), width);
  if (rotate && call.rotary) {
    auto* positions = reinterpret_cast<std::int32_t*>(
        workspace.bytes(Workspace::kPositions, panel.count * sizeof(std::int32_t)));
    number_rows(panel.rows, panel.first, panel.count, positions);
    args.epilogue = Epilogue::kRotate;
    args.positions = positions;
    args.cosine = call.rotary->cosine.data();
    args.sine = call.rotary->sine.data();
    args.rotary_stride = call.shape.half_width();
    args.rotary_blocks = call.shape.half_width() / 16;
  }
  kernels::gemm()(args);
}

// A row that a layer reads, for what is computed of its token.
struct TokenRow {
  std::int32_t token;
  std::size_t position;
  bool asks;  // is a query, too
  std::size_t query;
};

std::vector<TokenRow> token_rows(const TokenInput& tokens, LayerRows rows, std::size_t first,
                                 std::size_t count) {
  std::vector<TokenRow> found;
  for (std::size_t s = 0; s < rows.in.size(); ++s) {
    const auto [begin, all] = rows.in[s];
    const std::size_t end = std::min(first + count, begin + all);
    for (std::size_t row = std::max(first, begin); row < end; ++row) {
      const std::size_t position = row - begin;
      found.push_back({tokens.batch[s].input_ids[position], position, position < rows.out[s].rows,
                       rows.out[s].begin + position});
    }
  }
  return found;
}

// Queries, keys and values of the rows [first, first + count) where they are those of tokens, to
// the bit as project() gives them: the products of a token are kept, and only turned to where it
// stands.
void project_tokens(const AttentionCall& call, const OperandRows& input, LayerRows rows,
                    std::size_t first, std::size_t count, float* query, float* key, float* value,
                    Workspace& workspace) {
  const std::size_t width = call.shape.attention_width();
  RecentRows& recent = workspace.recent_rows();
  recent.hold(call.tokens->model, call.tokens->vocabulary, 3 * width);
  const std::size_t limit = std::min(count, recent.limit());
  const OperandRows missing = workspace.operand_rows(Workspace::kTokenInput, Operand::kF32, limit,
                                                     call.shape.hidden_width());
  kernels::RotateArgs turn;
  turn.width = width;
  turn.rotary_blocks = call.shape.half_width() / 16;
  std::vector<std::int32_t> tokens;
  for (const std::size_t end = first + count; first < end; first += limit) {
    const std::vector<TokenRow> some =
        token_rows(*call.tokens, rows, first, std::min(limit, end - first));
    tokens.clear();
    for (const TokenRow& row : some) tokens.push_back(row.token);
    const RecentRows::Found& found = recent.find(tokens);
    for (std::size_t j = 0; j < found.missing.size(); ++j)
      std::memcpy(missing.data + j * missing.stride,
                  input.data + (first + found.missing[j]) * input.stride, missing.stride);
    float* fresh = found.fresh;
    for (const PackedWeight* weight :
         {&call.weights.query, &call.weights.key, &call.weights.value}) {
      kernels::gemm()(
          gemm_args(*weight, missing, found.missing.size(), Epilogue::kStore, fresh, 3 * width));
      fresh += width;
    }
    for (std::size_t i = 0; i < some.size(); ++i) {
      const std::size_t angles = some[i].position * call.shape.half_width();
      turn.cosine = call.rotary->cosine.data() + angles;
      turn.sine = call.rotary->sine.data() + angles;
      const auto rotate = [&](const float* from, float* to) {
        turn.input = from;
        turn.output = to;
        kernels::row_kernels().rotate(turn);
      };
      const float* row = found.rows[i];
      if (some[i].asks) rotate(row, query + some[i].query * width);
      rotate(row + width, key + (first + i) * width);
      std::memcpy(value + (first + i) * width, row + 2 * width, width * sizeof(float));
    }
  }
}

// Queries, keys and values of all rows.
void project_rows(const AttentionCall& call, const OperandRows& input, LayerRows rows,
                  std::byte* query, std::byte* key, std::byte* value, Workspace& workspace) {
  const OperandRows queries = query_rows(input, rows, call.shape.hidden_width(), workspace);
  const bool every_row_asks = total_rows(rows.in) == total_rows(rows.out);
  const auto project_queries = [&](std::size_t first, std::size_t count, Workspace& own) {
    project(call, call.weights.query, queries, {rows.out, first, count}, true, query, own);
  };
  share_rows(total_rows(rows.in), kEveryRow, workspace,
             [&](std::size_t first, std::size_t count, Workspace& own) {
               if (every_row_asks) project_queries(first, count, own);
               const Panel panel{rows.in, first, count};
               project(call, call.weights.key, input, panel, true, key, own);
               project(call, call.weights.value, input, panel, false, value, own);
             });
  if (!every_row_asks) share_rows(total_rows(rows.out), kEveryRow, workspace, project_queries);
}

template <typename Value>
struct Projected {
  const Value *query, *key, *value;
  Value* context;
};

template <typename Value>
struct AttentionKernel {
  void (*attend)(const kernels::AttentionArgsOf<Value>& args);
  std::size_t (*scratch)(std::size_t tokens, std::size_t size);
};

// A sequence is one piece of work, or, among a crew, its heads are as many as there are members.
template <typename Value>
void attend_sequences(const AttentionCall& call, LayerRows rows, const Projected<Value>& projected,
                      const AttentionKernel<Value>& kernel, Workspace& workspace) {
  const LayerShape& shape = call.shape;
  const std::size_t width = shape.attention_width();
  const std::size_t parts = std::min(shape.heads, workspace.members());
  workspace.share(rows.in.size() * parts, [&](std::size_t piece, Workspace& own) {
    const auto [key_row, tokens] = rows.in[piece / parts];
    const auto [query_row, queries] = rows.out[piece / parts];
    const std::size_t part = piece % parts;
    const std::size_t head = shape.heads * part / parts, column = head * shape.head_width();
    kernels::AttentionArgsOf<Value> args;
    args.query = projected.query + query_row * width + column;
    args.query_stride = width;
    args.queries = queries;
    args.key = projected.key + key_row * width + column;
    args.value = projected.value + key_row * width + column;
    args.stride = width;
    args.tokens = tokens;
    args.heads = shape.heads * (part + 1) / parts - head;
    args.size = shape.head_width();
    args.scale = 1.0f / std::sqrt(static_cast<float>(shape.head_size()));
    args.window = call.window;
    args.scratch = own.floats(Workspace::kAttention, kernel.scratch(tokens, shape.head_width()));
    args.output = projected.context + query_row * width + column;
    args.output_stride = width;
    kernel.attend(args);
  });
}

}  // namespace

std::byte* attend(const AttentionCall& call, const OperandRows& input, LayerRows rows,
                  Workspace& workspace) {
  const std::size_t row_bytes = call.shape.attention_width() * value_bytes(input.operand);
  std::byte* query = workspace.bytes(Workspace::kQuery, total_rows(rows.out) * row_bytes);
  std::byte* key = workspace.bytes(Workspace::kKey, total_rows(rows.in) * row_bytes);
  std::byte* value = workspace.bytes(Workspace::kValue, total_rows(rows.in) * row_bytes);
  std::byte* context = workspace.bytes(Workspace::kContext, total_rows(rows.out) * row_bytes);
  if (call.tokens) {
    const auto f32 = [](std::byte* rows_of) { return reinterpret_cast<float*>(rows_of); };
    share_rows(total_rows(rows.in), kEveryRow, workspace,
               [&](std::size_t first, std::size_t count, Workspace& own) {
                 project_tokens(call, input, rows, first, count, f32(query), f32(key), f32(value),
                                own);
               });
  } else {
    project_rows(call, input, rows, query, key, value, workspace);
  }
  const auto as = [&]<typename Value>(Value*) {
    return Projected<Value>{
        reinterpret_cast<const Value*>(query), reinterpret_cast<const Value*>(key),
        reinterpret_cast<const Value*>(value), reinterpret_cast<Value*>(context)};
  };
  if (input.operand == Operand::kF32) {
    attend_sequences<float>(call, rows, as(static_cast<float*>(nullptr)),
                            {kernels::attention(), kernels::attention_scratch}, workspace);
  } else {
    attend_sequences<Bf16>(call, rows, as(static_cast<Bf16*>(nullptr)),
                           {kernels::attention_bf16(), kernels::attention_bf16_scratch}, workspace);
  }
  return context;
}

void add_attention(const AttentionCall& call, std::byte* context, std::size_t row,
                   std::size_t count, float* x, Workspace& workspace) {
  const PackedWeight& weight = call.weights.output;
  const std::size_t width = call.shape.attention_width();
  const Operand from = call.weights.query.operand;
  const OperandRows input =
      as_operand(from, weight.operand, context + row * width * value_bytes(from), count, width,
                 Workspace::kContextInput, workspace);
  kernels::gemm()(gemm_args(weight, input, count, Epilogue::kAdd, x, weight.out));
}

void add_feed_forward(const LayerShape& shape, const FeedForwardWeights& weights,
                      const OperandRows& input, std::size_t count, float* x, Workspace& workspace) {
  const std::size_t width = shape.inner_width();
  std::byte* inner =
      workspace.bytes(Workspace::kInner, kPanelRows * width * value_bytes(weights.up.operand));
  const Epilogue activation = weights.gated ? Epilogue::kGeglu : Epilogue::kGelu;
  kernels::gemm()(gemm_args(weights.up, input, count, activation, inner, width));
  const OperandRows middle = as_operand(weights.up.operand, weights.down.operand, inner, count,
                                        width, Workspace::kInnerInput, workspace);
  kernels::gemm()(gemm_args(weights.down, middle, count, Epilogue::kAdd, x, weights.down.out));
}

void normalise(const NormCall& call, const float* input, std::size_t rows, float* output,
               const OperandRows& operand, Workspace& workspace) {
  kernels::NormArgs args;
  args.input = input;
  if (call.weights) {
    args.weight = call.weights->weight.data();
    args.bias = call.weights->bias.empty() ? nullptr : call.weights->bias.data();
    args.width = call.weights->width;
  }
  args.epsilon = call.epsilon;
  args.rows = rows;
  args.padded = call.width;
  args.output = output ? output : workspace.floats(Workspace::kNormed, call.width);
  args.output_stride = output ? call.width : 0;
  args.operand = operand;
  kernels::row_kernels().norm(args);
}

float* zeroed_rows(Workspace& workspace, std::size_t rows, std::size_t width) {
  float* x = workspace.floats(Workspace::kHidden, rows * width);
  std::memset(x, 0, rows * width * sizeof(float));
  return x;
}

std::vector<const float*> unpadded_rows(float* x, const BatchRows& rows, std::size_t hidden) {
  const std::size_t width = kernels::padded_width(hidden);
  if (width != hidden) {
    for (std::size_t r = 0; r < total_rows(rows); ++r)
      std::memmove(x + r * hidden, x + r * width, hidden * sizeof(float));
  }
  std::vector<const float*> begins;
  for (const RowRange& range : rows) begins.push_back(x + range.begin * hidden);
  return begins;
}

void show(const Probe* probe, const std::string& name, const float* x, std::size_t rows,
          std::size_t hidden) {
  if (probe == nullptr) return;
  const std::size_t width = kernels::padded_width(hidden);
  std::vector<float> dense(rows * hidden);
  for (std::size_t r = 0; r < rows; ++r)
    std::memcpy(dense.data() + r * hidden, x + r * width, hidden * sizeof(float));
  (*probe)(name, dense.data(), rows, hidden);
}

OperandRows rows_from(OperandRows rows, std::size_t first) {
  rows.data += first * rows.stride;
  if (rows.scale) rows.scale += first;
  if (rows.shift) rows.shift += first;
  return rows;
}

}  // namespace narabi::models
