// The GEMM of every operand and epilogue, and the row passes that feed it: each instruction set
// that this machine has against the scalar specification.
#include "kernels/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "kernels/attention.h"
#include "kernels/checked_regions.h"
#include "kernels/guarded_memory.h"
#include "kernels/rows.h"
#include "kernels/test_sets.h"

namespace narabi::kernels {
namespace {

using base::Isa;

// Operand rows made by the scalar set from noise, and their memory.
struct Rows {
  Guarded<std::byte> data;
  Guarded<float> scale, shift, values;
  OperandRows view;

  Rows(Operand operand, std::size_t rows, std::size_t width, unsigned seed)
      : data(rows * width * bytes_of(operand)),
        scale(rows),
        shift(rows),
        values(noise(rows * width, 1, seed)) {
    view = {operand, data.data(), width * bytes_of(operand), scale.data(), shift.data()};
    NormArgs args;
    args.input = values.data();
    args.rows = rows;
    args.padded = width;
    args.output = values.data();
    args.output_stride = width;
    args.operand = view;
    row_kernels(Isa::kScalar).norm(args);
  }
};

struct Problem {
  std::size_t rows, in, out;
  Operand operand;
  Epilogue epilogue;
};

// The output, as f32, of one instruction set for the first `rows` rows.
Guarded<float> run(Isa set, const Problem& problem, const PackedWeight& weight, const Rows& input,
                   std::size_t rows) {
  const bool f32 = problem.operand == Operand::kF32 || problem.epilogue == Epilogue::kAdd;
  const std::size_t width = problem.epilogue == Epilogue::kGeglu ? problem.out / 2 : problem.out;
  Guarded<float> floats = noise(rows * width, 1, 7);
  Guarded<Bf16> halves(rows * width);
  const Guarded<float> cosine = noise(5 * 32, 1, 8), sine = noise(5 * 32, 1, 9);
  Guarded<std::int32_t> positions(rows);
  for (std::size_t r = 0; r < rows; ++r) positions[r] = static_cast<std::int32_t>(r % 5);
  GemmArgs args;
  args.weight = &weight;
  args.input = input.view.data;
  args.input_stride = input.view.stride;
  args.row_scale = input.view.scale;
  args.row_shift = input.view.shift;
  args.rows = rows;
  args.epilogue = problem.epilogue;
  args.output = f32 ? static_cast<void*>(floats.data()) : halves.data();
  args.output_stride = width;
  args.cosine = cosine.data();
  args.sine = sine.data();
  args.rotary_stride = 32;
  args.rotary_blocks = 2;
  args.positions = positions.data();
  gemm(set)(args);
  for (std::size_t i = 0; !f32 && i < floats.size(); ++i) floats[i] = from_bf16(halves[i]);
  return floats;
}

// Copies of the weight's arrays, guarded.
struct GuardedWeight {
  Guarded<std::byte> data;
  Guarded<float> bias, scale, compensation;

  explicit GuardedWeight(const PackedWeight& weight)
      : data(weight.data, weight.data + weight.data_bytes()),
        bias(weight.bias, weight.bias + weight.out),
        scale(weight.scale, weight.scale + weight.out),
        compensation(weight.compensation, weight.compensation + weight.out) {}
};

PackedWeight random_weight(const Problem& problem) {
  PackedWeight weight =
      pack(problem.operand, noise(problem.in * problem.out, 0.2f, 1), noise(problem.out, 1, 2),
           problem.in, {in_order(problem.out), in_order(problem.in)});
  const auto copy = std::make_shared<const GuardedWeight>(weight);
  weight.data = copy->data.data();
  weight.bias = copy->bias.data();
  weight.scale = copy->scale.data();
  weight.compensation = copy->compensation.data();
  weight.owner = copy;
  return weight;
}

constexpr Epilogue kEpilogues[] = {Epilogue::kStore, Epilogue::kAdd, Epilogue::kGelu,
                                   Epilogue::kGeglu, Epilogue::kRotate};

TEST(Gemm, agrees_with_the_scalar_one_for_every_operand_and_epilogue) {
  for (const Operand operand : {Operand::kF32, Operand::kBf16, Operand::kInt8}) {
    for (const Epilogue epilogue : kEpilogues) {
      for (const auto& [rows, in] : {std::pair<std::size_t, std::size_t>{1, 96},
                                     {3, 128},
                                     {12, 96},
                                     {16, 64},
                                     {17, 128},
                                     {31, 96},
                                     {32, 64},
                                     {43, 192},
                                     {64, 96},
                                     {81, 128}}) {
        const Problem problem{rows, in, 64, operand, epilogue};
        const PackedWeight weight = random_weight(problem);
        const Rows input(operand, rows, problem.in, 3);
        const Guarded<float> expected = run(Isa::kScalar, problem, weight, input, rows);
        for (const Isa set : vector_sets()) {
          const Guarded<float> found = run(set, problem, weight, input, rows);
          for (std::size_t i = 0; i < found.size(); ++i) {
            // One unit of bf16 where that is the output, and the quick GELU times a gate.
            const float tolerance = operand == Operand::kF32 ? 2e-5f * (1 + std::abs(expected[i]))
                                                             : 8e-3f * (1 + std::abs(expected[i]));
            ASSERT_NEAR(found[i], expected[i], tolerance)
                << base::isa_name(set) << " operand " << static_cast<int>(operand) << " epilogue "
                << static_cast<int>(epilogue) << " rows " << rows << " at " << i;
          }
        }
      }
    }
  }
}

TEST(Gemm, integers_give_the_same_bits_with_tiles_and_without) {
  if (!base::cpu_has(Isa::kAmx)) GTEST_SKIP() << "this CPU has no AMX";
  for (const Epilogue epilogue : kEpilogues) {
    for (const std::size_t rows : {1, 15, 16, 40, 65}) {
      const Problem problem{rows, 256, 96, Operand::kInt8, epilogue};
      const PackedWeight weight = random_weight(problem);
      const Rows input(Operand::kInt8, rows, problem.in, 3);
      EXPECT_EQ(run(Isa::kAmx, problem, weight, input, rows),
                run(Isa::kVnni, problem, weight, input, rows))
          << "epilogue " << static_cast<int>(epilogue) << " rows " << rows;
    }
  }
}

TEST(Gemm, multiplies_by_the_transposed_weight_and_adds_the_bias) {
  const Problem problem{5, 64, 32, Operand::kF32, Epilogue::kStore};
  const Guarded<float> weight = noise(problem.in * problem.out, 0.2f, 1),
                       bias = noise(problem.out, 1, 2);
  const Rows input(Operand::kF32, problem.rows, problem.in, 3);
  for (const Operand operand : {Operand::kF32, Operand::kBf16, Operand::kInt8}) {
    const Rows rounded(operand, problem.rows, problem.in, 3);
    const Problem same{problem.rows, problem.in, problem.out, operand, Epilogue::kAdd};
    const auto found = run(base::isa(), same, random_weight(same), rounded, problem.rows);
    const Guarded<float> before = noise(found.size(), 1, 7);
    for (std::size_t r = 0; r < problem.rows; ++r) {
      for (std::size_t o = 0; o < problem.out; ++o) {
        double sum = bias[o] + static_cast<double>(before[r * problem.out + o]);
        for (std::size_t i = 0; i < problem.in; ++i)
          sum += static_cast<double>(input.values[r * problem.in + i]) * weight[o * problem.in + i];
        const double tolerance = operand == Operand::kF32    ? 1e-5
                                 : operand == Operand::kBf16 ? 2e-2
                                                             : 6e-2;
        EXPECT_NEAR(found[r * problem.out + o], sum, tolerance);
      }
    }
  }
}

TEST(Gemm, gives_a_row_the_same_bits_whatever_stands_beside_it) {
  for (const Isa set : vector_sets()) {
    for (const Operand operand : {Operand::kF32, Operand::kBf16, Operand::kInt8}) {
      const Problem problem{29, 64, 64, operand, Epilogue::kAdd};
      const PackedWeight weight = random_weight(problem);
      const Rows input(operand, problem.rows, problem.in, 3);
      const auto all = run(set, problem, weight, input, problem.rows);
      for (const std::size_t rows : {1, 2, 5, 12, 20, 28}) {
        const auto some = run(set, problem, weight, input, rows);
        ASSERT_EQ(0, std::memcmp(all.data(), some.data(), some.size() * sizeof(float)));
      }
    }
  }
}

// What the tests above rely on: a row too many is no silent damage. Guarded memory stops it in
// every build; ordinary memory where ASan looks at the operands (checked_regions.h).
TEST(Gemm, memory_that_is_a_row_too_small_is_noticed) {
  const Problem problem{4, 64, 32, Operand::kF32, Epilogue::kStore};
  const PackedWeight weight = random_weight(problem);
  const Rows input(Operand::kF32, problem.rows, problem.in, 3);
  const auto multiply = [&](float* output) {
    GemmArgs args;
    args.weight = &weight;
    args.input = input.view.data;
    args.input_stride = input.view.stride;
    args.rows = problem.rows;
    args.output = output;
    args.output_stride = problem.out;
    gemm()(args);
  };
  Guarded<float> guarded((problem.rows - 1) * problem.out);
  EXPECT_DEATH(multiply(guarded.data()), "");
  if (kRegionsChecked) {
    std::vector<float> ordinary((problem.rows - 1) * problem.out);
    EXPECT_DEATH(multiply(ordinary.data()), "heap-buffer-overflow");
  }
}

TEST(Pack, leaves_zeros_where_the_order_names_nothing) {
  const Guarded<float> weight = noise(3 * 5, 1, 1);
  const PackedWeight packed = pack(Operand::kF32, weight, {}, 5, {in_order(3), in_order(5)});
  ASSERT_EQ(packed.in, 32u);
  ASSERT_EQ(packed.out, 32u);
  Guarded<float> values(packed.in * packed.out);
  std::memcpy(values.data(), packed.data, packed.data_bytes());
  for (std::size_t k = 0; k < 32; ++k) {
    for (std::size_t n = 0; n < 32; ++n)
      EXPECT_EQ(values[k * 32 + n], k < 5 && n < 3 ? weight[n * 5 + k] : 0.0f);
  }
}

TEST(Rows, norms_and_bytes_agree_with_the_scalar_ones) {
  const std::size_t rows = 7;
  for (const std::size_t width : {40, 64, 384}) {
    const std::size_t padded = padded_width(width);
    Guarded<float> x = noise(rows * padded, 2, 1);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t i = width; i < padded; ++i) x[r * padded + i] = 0;
    }
    std::fill_n(x.begin(), padded, 0.0f);  // a row of zeros
    Guarded<float> weight = noise(padded, 1, 2), bias = noise(padded, 1, 3);
    std::fill(weight.begin() + static_cast<std::ptrdiff_t>(width), weight.end(), 0.0f);
    std::fill(bias.begin() + static_cast<std::ptrdiff_t>(width), bias.end(), 0.0f);
    const auto norm = [&](Isa set, Guarded<float>& y, Rows& bytes) {
      NormArgs args;
      args.input = x.data();
      args.weight = weight.data();
      args.bias = bias.data();
      args.epsilon = 1e-5f;
      args.rows = rows;
      args.width = width;
      args.padded = padded;
      args.output = y.data();
      args.output_stride = padded;
      args.operand = bytes.view;
      row_kernels(set).norm(args);
    };
    Guarded<float> expected(x.size()), found(x.size());
    Rows expected_bytes(Operand::kInt8, rows, padded, 9), bytes(Operand::kInt8, rows, padded, 9);
    norm(Isa::kScalar, expected, expected_bytes);
    for (const Isa set : vector_sets()) {
      norm(set, found, bytes);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const std::size_t r = i / padded;
        EXPECT_NEAR(found[i], expected[i], 4e-6f * (1 + std::abs(expected[i])));
        const float value =
            bytes.scale[r] * static_cast<float>(std::to_integer<int>(bytes.data[i])) +
            bytes.shift[r];
        EXPECT_NEAR(value, expected[i], 0.51f * bytes.scale[r] + 1e-5f) << base::isa_name(set);
      }
    }
  }
}

TEST(Rows, bf16_rows_become_the_same_bytes_in_every_set) {
  const std::size_t rows = 5, width = 96;
  Guarded<Bf16> x(rows * width);
  const Guarded<float> values = noise(x.size(), 3, 4);
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = to_bf16(i < width       ? std::abs(values[i])
                   : i < 2 * width ? -std::abs(values[i])
                                   : values[i]);
  Rows expected(Operand::kInt8, rows, width, 9), found(Operand::kInt8, rows, width, 9);
  row_kernels(Isa::kScalar).quantise({x.data(), rows, width, expected.view});
  for (const Isa set : vector_sets()) {
    row_kernels(set).quantise({x.data(), rows, width, found.view});
    EXPECT_EQ(found.data, expected.data);
    EXPECT_EQ(found.scale, expected.scale);
    EXPECT_EQ(found.shift, expected.shift);
  }
}

TEST(Rows, are_turned_as_the_gemm_turns_them_to_the_bit) {
  const std::size_t rows = 7;
  const Problem plain{rows, 96, 128, Operand::kF32, Epilogue::kStore};
  const Problem turned{rows, 96, 128, Operand::kF32, Epilogue::kRotate};
  const PackedWeight weight = random_weight(plain);
  const Rows input(Operand::kF32, rows, plain.in, 3);
  const Guarded<float> cosine = noise(5 * 32, 1, 8), sine = noise(5 * 32, 1, 9);  // as run() has
  for (const Isa set : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    if (!base::cpu_has(set)) continue;
    const Guarded<float> before = run(set, plain, weight, input, rows);
    Guarded<float> found(before.size());
    for (std::size_t r = 0; r < rows; ++r)
      row_kernels(set).rotate({.input = before.data() + r * plain.out,
                               .width = plain.out,
                               .cosine = cosine.data() + r % 5 * 32,
                               .sine = sine.data() + r % 5 * 32,
                               .rotary_blocks = 2,
                               .output = found.data() + r * plain.out});
    EXPECT_EQ(found, run(set, turned, weight, input, rows)) << base::isa_name(set);
  }
}

TEST(AttentionBf16, agrees_with_the_f32_attention_of_the_same_operands) {
  for (const std::size_t tokens : {1, 7, 33, 130}) {
    for (const std::size_t size : {32, 64, 96, 128}) {
      const std::size_t heads = 2, h = heads * size;
      const Guarded<float> values = noise(tokens * 3 * h, 1.0f, static_cast<unsigned>(tokens));
      Guarded<Bf16> qkv(values.size());
      for (std::size_t i = 0; i < qkv.size(); ++i) qkv[i] = to_bf16(values[i]);
      const Guarded<Bf16> query(qkv.begin(), qkv.end() - 2 * h),
          key(qkv.begin() + h, qkv.end() - h), value(qkv.begin() + 2 * h, qkv.end());
      for (const std::size_t window : {0, 8, 64}) {
        const auto attend = [&](Isa set, std::size_t queries) {
          Guarded<float> scratch(attention_bf16_scratch(tokens, size));
          Guarded<Bf16> out(queries * h);
          AttentionBf16Args args;
          args.query = query.data();
          args.query_stride = args.stride = 3 * h;
          args.queries = queries;
          args.key = key.data();
          args.value = value.data();
          args.tokens = tokens;
          args.heads = heads;
          args.size = size;
          args.scale = 0.2f;
          args.window = window;
          args.scratch = scratch.data();
          args.output = out.data();
          args.output_stride = h;
          attention_bf16(set)(args);
          return out;
        };
        const auto expected = attend(Isa::kScalar, tokens);
        for (const Isa set : vector_sets()) {
          const auto found = attend(set, tokens);
          for (std::size_t i = 0; i < found.size(); ++i)
            ASSERT_NEAR(from_bf16(found[i]), from_bf16(expected[i]), 2e-2f)
                << base::isa_name(set) << " tokens " << tokens << " size " << size << " window "
                << window;
          for (std::size_t queries = 1; queries < tokens; queries += 5) {
            const auto some = attend(set, queries);
            ASSERT_EQ(0, std::memcmp(found.data(), some.data(), some.size() * sizeof(Bf16)));
          }
        }
      }
    }
  }
}

// One head: every query is 1, a token's key `key(t)` and its value `value(t)` in all elements. The
// last element of the first row, every instruction set beside the scalar one.
template <typename Key, typename Value>
void expect_one_head_agrees(std::size_t tokens, std::size_t size, Key key, Value value) {
  const Guarded<Bf16> query(tokens * size, to_bf16(1));
  Guarded<Bf16> keys(tokens * size), values(tokens * size);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    keys[i] = to_bf16(key(i / size));
    values[i] = to_bf16(value(i / size));
  }
  Guarded<float> scratch(attention_bf16_scratch(tokens, size));
  const auto attend = [&](Isa set) {
    Guarded<Bf16> out(size);
    AttentionBf16Args args;
    args.query = query.data();
    args.key = keys.data();
    args.value = values.data();
    args.query_stride = args.stride = args.output_stride = args.size = size;
    args.queries = args.heads = 1;
    args.tokens = tokens;
    args.scale = 1.0f / static_cast<float>(size);
    args.scratch = scratch.data();
    args.output = out.data();
    attention_bf16(set)(args);
    return from_bf16(out[size - 1]);
  };
  const float expected = attend(Isa::kScalar);
  for (const Isa set : vector_sets())
    EXPECT_NEAR(attend(set), expected, 1e-2f) << base::isa_name(set) << " tokens " << tokens;
}

float one(std::size_t) {
  return 1;
}
float alternating(std::size_t t) {
  return t % 2 == 0 ? 1.0f : -1.0f;
}

TEST(AttentionBf16, keeps_what_many_keys_have_beside_one_that_has_most) {
  for (const std::size_t tokens : {512, 513, 3000}) {
    expect_one_head_agrees(tokens, 32, one, one);
    for (const float peak : {5.0f, 8.0f, 11.0f})
      expect_one_head_agrees(
          tokens, 32, [&](std::size_t t) { return t == 7 ? peak : 0; }, one);
  }
}

TEST(AttentionBf16, a_value_of_zero_takes_nothing_from_the_others) {
  for (const float value : {0.0f, 1.0f, 1e-3f}) {
    expect_one_head_agrees(2, 32, one, [&](std::size_t t) { return t == 1 ? value : 0; });
    expect_one_head_agrees(40, 64, one, [&](std::size_t t) { return t < 20 ? value : 0; });
  }
}

TEST(AttentionBf16, sums_of_the_largest_heads_stay_in_range) {
  for (const std::size_t size : {512, 768}) {
    expect_one_head_agrees(9, size, alternating, one);
    expect_one_head_agrees(9, size, alternating, alternating);
  }
}

TEST(Attention, memory_that_is_a_token_too_small_is_noticed) {
  const std::size_t tokens = 5, size = 32;
  const Guarded<float> query = noise(tokens * size, 1, 1);
  Guarded<float> scratch(attention_scratch(tokens, size)), output(tokens * size);
  const auto attend = [&](const float* key) {
    attention()({.query = query.data(),
                 .query_stride = size,
                 .queries = tokens,
                 .key = key,
                 .value = query.data(),
                 .stride = size,
                 .tokens = tokens,
                 .heads = 1,
                 .size = size,
                 .scale = 1,
                 .window = 0,
                 .scratch = scratch.data(),
                 .output = output.data(),
                 .output_stride = size});
  };
  const Guarded<float> guarded = noise((tokens - 1) * size, 1, 2);
  EXPECT_DEATH(attend(guarded.data()), "");
  if (kRegionsChecked) {
    const std::vector<float> ordinary(guarded.begin(), guarded.end());
    EXPECT_DEATH(attend(ordinary.data()), "heap-buffer-overflow");
  }
}

}  // namespace
}  // namespace narabi::kernels
