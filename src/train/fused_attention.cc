#include "train/fused_attention.h"

#include <torch/csrc/autograd/custom_function.h>

#include "train/attention_core.h"

namespace narabi::train {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// A longer sequence's probabilities are too many to keep.
constexpr std::int64_t kLongest = 2048;

Bf16* numbers(const Tensor& tensor) {
  return static_cast<Bf16*>(tensor.data_ptr());
}

// What both ways go through: every head of every sequence.
struct Sequences {
  std::vector<LengthRun> runs;
  std::int64_t heads = 0, size = 0, window = -1;

  std::int64_t probabilities() const {
    std::int64_t count = 0;
    for (const LengthRun& run : runs)
      count += run.sequences * heads * run.length * padded(run.length);
    return count;
  }

  // work(view, offset of the head's first number in [N, 3, A, D], in [N, A D], in the
  // probabilities)
  template <typename Work>
  void for_each(const Tensor& joint, const Tensor& cosine, const Tensor& sine, Work work) const {
    HeadView view;
    view.stride = 3 * heads * size;
    view.size = size;
    view.window = window;
    view.cosine = cosine.numel() > 0 ? cosine.data_ptr<float>() : nullptr;
    view.sine = sine.numel() > 0 ? sine.data_ptr<float>() : nullptr;
    std::int64_t place = 0;
    for (const LengthRun& run : runs) {
      view.length = run.length;
      for (std::int64_t i = 0; i < run.sequences * heads; ++i) {
        const std::int64_t token = run.begin + i / heads * run.length, head = i % heads;
        const std::int64_t from = token * view.stride + head * size;
        view.query = numbers(joint) + from;
        view.key = view.query + heads * size;
        view.value = view.key + heads * size;
        work(view, from, token * heads * size + head * size, place);
        place += run.length * padded(run.length);
      }
    }
  }
};

// Plain numbers for the context, which keeps nothing else.
std::vector<std::int64_t> written(const Sequences& sequences) {
  std::vector<std::int64_t> plain = {sequences.heads, sequences.size, sequences.window};
  for (const LengthRun& run : sequences.runs)
    plain.insert(plain.end(), {run.begin, run.sequences, run.length});
  return plain;
}

Sequences read(const std::vector<std::int64_t>& plain) {
  Sequences sequences{{}, plain[0], plain[1], plain[2]};
  for (std::size_t i = 3; i < plain.size(); i += 3)
    sequences.runs.push_back({plain[i], plain[i + 1], plain[i + 2]});
  return sequences;
}

class FusedAttention : public torch::autograd::Function<FusedAttention> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& given, const Tensor& cosine,
                        const Tensor& sine, const std::vector<std::int64_t>& plain) {
    const Sequences sequences = read(plain);
    const Tensor joint = given.contiguous();
    const std::int64_t width = sequences.heads * sequences.size;
    const Tensor out = torch::empty({joint.size(0), width}, joint.options());
    const Tensor probabilities = torch::empty({sequences.probabilities()}, joint.options());
    AttentionScratch scratch(sequences.runs.back().length, sequences.size);
    sequences.for_each(
        joint, cosine, sine,
        [&](const HeadView& view, std::int64_t, std::int64_t to, std::int64_t place) {
          attention_forward(view, numbers(out) + to, width, numbers(probabilities) + place,
                            scratch);
        });
    context->save_for_backward({joint, cosine, sine, probabilities});
    context->saved_data["plain"] = plain;
    return out;
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& d_outs) {
    const auto saved = context->get_saved_variables();
    const Sequences sequences = read(context->saved_data["plain"].toIntVector());
    const std::int64_t width = sequences.heads * sequences.size;
    const Tensor d_out = d_outs[0].contiguous();
    const Tensor d_joint = torch::empty_like(saved[0]);
    AttentionScratch scratch(sequences.runs.back().length, sequences.size);
    sequences.for_each(
        saved[0], saved[1], saved[2],
        [&](const HeadView& view, std::int64_t at, std::int64_t to, std::int64_t place) {
          Bf16* query = numbers(d_joint) + at;
          attention_backward(view, numbers(d_out) + to, width, numbers(saved[3]) + place,
                             {query, query + width, query + 2 * width}, scratch);
        });
    return {d_joint, Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

bool can_fuse_attention(const Tensor& query, const PackedBatch& batch) {
  return query.is_cpu() && query.scalar_type() == torch::kBFloat16 && query.size(-1) % 32 == 0 &&
         batch.buckets.empty() && !batch.runs.empty() && batch.runs.back().length <= kLongest &&
         has_attention_core();
}

Tensor fused_attention(const Tensor& joint, const PackedBatch& batch,
                       const std::optional<Angles>& angles, std::optional<std::int64_t> window) {
  const Sequences sequences{batch.runs, joint.size(2), joint.size(3), window.value_or(-1)};
  const Tensor none = torch::empty({0});
  return FusedAttention::apply(joint, angles ? angles->cosine.contiguous() : none,
                               angles ? angles->sine.contiguous() : none, written(sequences));
}

}  // namespace narabi::train
