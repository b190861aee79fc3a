#include "models/post_norm_layer.h"

namespace narabi::models {

std::vector<checkpoint::TensorSpec> PostNormLayer::tensors(const std::string& prefix,
                                                           const PostNormConfig& config) {
  const std::int64_t h = config.hidden, f = config.intermediate;
  std::vector<checkpoint::TensorSpec> specs;
  const auto add = [&](const std::string& name, std::int64_t out, std::int64_t in) {
    specs.push_back({prefix + name + ".weight", {out, in}});
    specs.push_back({prefix + name + ".bias", {out}});
  };
  add("attention.self.query", h, h);
  add("attention.self.key", h, h);
  add("attention.self.value", h, h);
  add("attention.output.dense", h, h);
  add("intermediate.dense", f, h);
  add("output.dense", h, f);
  for (const char* norm : {"attention.output.LayerNorm", "output.LayerNorm"}) {
    specs.push_back({prefix + norm + ".weight", {h}});
    specs.push_back({prefix + norm + ".bias", {h}});
  }
  return specs;
}

PostNormLayer::PostNormLayer(const WeightLoader& loader, const std::string& prefix,
                             const PostNormConfig& config)
    : shape_{.hidden = static_cast<std::size_t>(config.hidden),
             .heads = static_cast<std::size_t>(config.heads),
             .intermediate = static_cast<std::size_t>(config.intermediate),
             .rotary = false,
             .vectors = !loader.full_precision()},
      epsilon_(config.layer_norm_eps) {
  using kernels::in_order;
  const auto hidden = in_order(shape_.hidden), inner = in_order(shape_.intermediate),
             heads = value_order(shape_, 0);
  const auto linear = [&](const char* name, const std::vector<std::ptrdiff_t>& outputs,
                          const std::vector<std::ptrdiff_t>& inputs) {
    return loader.linear(prefix + name, {outputs, inputs});
  };
  attention_ = loader.checked({.query = linear("attention.self.query", heads, hidden),
                               .key = linear("attention.self.key", heads, hidden),
                               .value = linear("attention.self.value", heads, hidden),
                               .output = linear("attention.output.dense", hidden, heads)},
                              prefix + "attention.self.query");
  attention_norm_ = loader.norm(prefix + "attention.output.LayerNorm");
  feed_forward_ = {.up = linear("intermediate.dense", inner, hidden),
                   .down = linear("output.dense", hidden, inner),
                   .gated = false};
  output_norm_ = loader.norm(prefix + "output.LayerNorm");
}

void PostNormLayer::forward(float* x, const kernels::OperandRows& input,
                            const kernels::OperandRows& output, LayerRows rows,
                            Workspace& workspace) const {
  const std::size_t width = shape_.hidden_width();
  const AttentionCall attention{.shape = shape_, .weights = attention_};
  std::byte* context = attend(attention, input, rows, workspace);
  auto* bytes = reinterpret_cast<std::byte*>(x);
  keep_rows(rows.in, rows.out, width * sizeof(float), bytes, bytes);
  share_rows(total_rows(rows.out), kPanelRows, workspace,
             [&](std::size_t row, std::size_t count, Workspace& own) {
               float* panel = x + row * width;
               const kernels::OperandRows operand = own.operand_rows(
                   Workspace::kPanelInput, feed_forward_.up.operand, kPanelRows, width);
               add_attention(attention, context, row, count, panel, own);
               normalise({&attention_norm_, epsilon_, width}, panel, count, panel, operand, own);
               add_feed_forward(shape_, feed_forward_, operand, count, panel, own);
               normalise({&output_norm_, epsilon_, width}, panel, count, panel,
                         rows_from(output, row), own);
             });
}

}  // namespace narabi::models
