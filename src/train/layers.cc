#include "train/layers.h"

namespace narabi::train {
namespace {

torch::Tensor computing(const torch::Tensor& x, const ForwardOptions& options) {
  return x.defined() && options.bf16 ? x.to(torch::kBFloat16) : x;
}

// Additive mask [L, L]: 0 where |i - j| <= window, else -infinity.
torch::Tensor window_mask(std::int64_t length, std::int64_t window, const torch::Tensor& like) {
  const torch::Tensor at = torch::arange(length, like.options().dtype(torch::kInt64));
  const torch::Tensor far = (at.unsqueeze(0) - at.unsqueeze(1)).abs() > window;
  return torch::zeros({length, length}, like.options().requires_grad(false))
      .masked_fill_(far, -std::numeric_limits<float>::infinity());
}

// As attention(), a padded rectangle at a time.
torch::Tensor attention_in_buckets(const torch::Tensor& query, const torch::Tensor& key,
                                   const torch::Tensor& value, const PackedBatch& batch,
                                   std::optional<std::int64_t> window) {
  const std::int64_t width = query.size(1) * query.size(2);
  std::vector<torch::Tensor> parts;
  for (const PaddedBucket& bucket : batch.buckets) {
    const std::int64_t sequences = bucket.tokens.size(0), length = bucket.tokens.size(1);
    const auto part = [&](const torch::Tensor& x) {  // [S', A, L, D]
      return x.index_select(0, bucket.tokens.flatten())
          .view({sequences, length, x.size(1), x.size(2)})
          .transpose(1, 2);
    };
    torch::Tensor mask = bucket.mask.expand({sequences, 1, length, length});
    if (window && *window < length - 1)
      mask = mask & ~torch::isinf(window_mask(length, *window, query));
    // A row of padding sees what the sequence's tokens see: never nothing, which would be NaN.
    if (window) mask = mask | ~bucket.mask.transpose(2, 3);
    parts.push_back(torch::scaled_dot_product_attention(part(query), part(key), part(value), mask)
                        .transpose(1, 2)
                        .reshape({sequences * length, width})
                        .index_select(0, bucket.places));
  }
  return torch::cat(parts);
}

}  // namespace

torch::Tensor linear(const Parameters& parameters, const std::string& name, const torch::Tensor& x,
                     const ForwardOptions& options) {
  return torch::linear(computing(x, options), computing(parameters.at(name + ".weight"), options),
                       computing(parameters.find(name + ".bias"), options));
}

torch::Tensor layer_norm(const Parameters& parameters, const std::string& name,
                         const torch::Tensor& x, double epsilon) {
  const torch::Tensor wide = x.to(torch::kFloat32);
  return torch::layer_norm(wide, {wide.size(-1)}, parameters.at(name + ".weight"),
                           parameters.find(name + ".bias"), epsilon);
}

torch::Tensor dropout(const torch::Tensor& x, const ForwardOptions& options) {
  if (options.dropout <= 0) return x;
  const double kept = 1 - options.dropout;
  const torch::Tensor mask =
      torch::empty_like(x, x.options().requires_grad(false)).bernoulli_(kept, options.generator);
  return x * mask.div_(kept);
}

torch::Tensor attention(const torch::Tensor& query, const torch::Tensor& key,
                        const torch::Tensor& value, const PackedBatch& batch,
                        std::optional<std::int64_t> window) {
  if (!batch.buckets.empty()) return attention_in_buckets(query, key, value, batch, window);
  const std::int64_t heads = query.size(1), size = query.size(2);
  std::vector<std::int64_t> tokens;
  for (const LengthRun& run : batch.runs) tokens.push_back(run.sequences * run.length);
  // One split, not a narrow() each: the gradient of a split is one concatenation.
  const auto queries = query.split_with_sizes(tokens), keys = key.split_with_sizes(tokens),
             values = value.split_with_sizes(tokens);
  std::vector<torch::Tensor> parts;
  for (std::size_t i = 0; i < batch.runs.size(); ++i) {
    const LengthRun& run = batch.runs[i];
    const auto part = [&](const torch::Tensor& x) {  // [sequences, A, L, D]
      return x.view({run.sequences, run.length, heads, size}).transpose(1, 2);
    };
    std::optional<torch::Tensor> mask;
    if (window && *window < run.length - 1) mask = window_mask(run.length, *window, query);
    parts.push_back(
        torch::scaled_dot_product_attention(part(queries[i]), part(keys[i]), part(values[i]), mask)
            .transpose(1, 2)
            .reshape({tokens[i], heads * size}));
  }
  return torch::cat(parts);
}

}  // namespace narabi::train
