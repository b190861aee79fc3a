#include "train/packed_batch.h"

#include <algorithm>
#include <numeric>

namespace narabi::train {

PackedBatch pack(std::span<const Encoding> encodings) {
  std::vector<std::size_t> order(encodings.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return encodings[a].input_ids.size() < encodings[b].input_ids.size();
  });
  PackedBatch batch;
  std::vector<std::int64_t> ids, types, positions, owner, first(encodings.size());
  std::vector<float> lengths(encodings.size());
  for (const std::size_t i : order) {
    const Encoding& encoding = encodings[i];
    const auto length = static_cast<std::int64_t>(encoding.input_ids.size());
    if (batch.runs.empty() || batch.runs.back().length != length)
      batch.runs.push_back({static_cast<std::int64_t>(ids.size()), 0, length});
    ++batch.runs.back().sequences;
    first[i] = static_cast<std::int64_t>(ids.size());
    lengths[i] = static_cast<float>(length);
    ids.insert(ids.end(), encoding.input_ids.begin(), encoding.input_ids.end());
    if (encoding.token_type_ids.empty()) {
      types.resize(ids.size(), 0);
    } else {
      types.insert(types.end(), encoding.token_type_ids.begin(), encoding.token_type_ids.end());
    }
    for (std::int64_t p = 0; p < length; ++p) positions.push_back(p);
    owner.resize(ids.size(), static_cast<std::int64_t>(i));
  }
  batch.input_ids = torch::tensor(ids);
  batch.token_type_ids = torch::tensor(types);
  batch.positions = torch::tensor(positions);
  batch.first = torch::tensor(first);
  batch.owner = torch::tensor(owner);
  batch.lengths = torch::tensor(lengths);
  return batch;
}

std::vector<PaddedBucket> make_buckets(const std::vector<LengthRun>& runs, std::int64_t step) {
  const auto rounded = [&](const LengthRun& run) { return (run.length + step - 1) / step * step; };
  std::vector<PaddedBucket> buckets;
  for (std::size_t begin = 0, end = 0; begin < runs.size(); begin = end) {
    const std::int64_t width = rounded(runs[begin]);
    std::vector<std::int64_t> tokens, places;
    std::vector<std::uint8_t> mask;
    for (end = begin; end < runs.size() && rounded(runs[end]) == width; ++end) {
      for (std::int64_t i = 0; i < runs[end].sequences * width; ++i) {
        const std::int64_t sequence = i / width, at = i % width;
        const bool inside = at < runs[end].length;
        if (inside) places.push_back(static_cast<std::int64_t>(tokens.size()));
        tokens.push_back(inside ? runs[end].begin + sequence * runs[end].length + at : 0);
        mask.push_back(inside);
      }
    }
    buckets.push_back({torch::tensor(tokens).view({-1, width}),
                       torch::tensor(mask).to(torch::kBool).view({-1, 1, 1, width}),
                       torch::tensor(places)});
  }
  return buckets;
}

PackedBatch to_device(PackedBatch batch, const torch::Device& device) {
  if (device.is_cpu()) return batch;
  constexpr std::int64_t kStep = 64;
  batch.buckets = make_buckets(batch.runs, kStep);
  for (PaddedBucket& bucket : batch.buckets) {
    for (torch::Tensor* x : {&bucket.tokens, &bucket.mask, &bucket.places}) *x = x->to(device);
  }
  for (torch::Tensor* x : {&batch.input_ids, &batch.token_type_ids, &batch.positions, &batch.first,
                           &batch.owner, &batch.lengths})
    *x = x->to(device);
  return batch;
}

}  // namespace narabi::train
