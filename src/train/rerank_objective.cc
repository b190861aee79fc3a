#include "train/rerank_objective.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "narabi/error.h"

namespace narabi::train {

data::Group sample_group(const data::Group& group, std::int64_t group_size, std::uint64_t seed) {
  const auto wanted = static_cast<std::size_t>(group_size);
  std::mt19937_64 random(seed);
  std::vector<std::size_t> order(group.passages.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (wanted > 0 && wanted < order.size()) {
    std::shuffle(order.begin(), order.end(), random);
    const float lowest = *std::min_element(group.labels.begin(), group.labels.end());
    const auto positive = std::find_if(order.begin(), order.end(),
                                       [&](std::size_t i) { return group.labels[i] > lowest; });
    if (positive != order.end()) {
      std::rotate(order.begin(), positive, positive + 1);
      const float label = group.labels[order[0]];
      std::stable_partition(order.begin() + 1, order.end(),
                            [&](std::size_t i) { return group.labels[i] < label; });
    }
    order.resize(wanted);
  }
  data::Group part{group.query, {}, {}, {}};
  for (const std::size_t i : order) {
    part.passages.push_back(group.passages[i]);
    part.labels.push_back(group.labels[i]);
    if (!group.teacher.empty()) part.teacher.push_back(group.teacher[i]);
  }
  return part;
}

std::vector<PackedGroups> pack_groups(std::span<const data::Group> groups,
                                      const Tokenizer& tokenizer, const PairLimits& limits,
                                      base::ThreadPool& pool) {
  std::vector<std::vector<Encoding>> encoded(groups.size());
  pool.parallel_for(groups.size(), [&](std::size_t g, int) {
    for (const std::string& passage : groups[g].passages) {
      encoded[g].push_back(
          tokenizer.encode_pair(groups[g].query, passage, limits.max_length, limits.truncation));
    }
  });
  std::vector<PackedGroups> parts;
  std::vector<Encoding> current;
  std::int64_t tokens = 0;
  std::size_t first = 0;
  const auto close = [&](std::size_t end) {
    if (end > first) parts.push_back({pack(current), first, end - first});
    current.clear();
    tokens = 0;
    first = end;
  };
  for (std::size_t g = 0; g < groups.size(); ++g) {
    std::int64_t size = 0;
    for (const Encoding& encoding : encoded[g])
      size += static_cast<std::int64_t>(encoding.input_ids.size());
    if (tokens + size > limits.micro_batch_tokens) close(g);
    tokens += size;
    std::move(encoded[g].begin(), encoded[g].end(), std::back_inserter(current));
  }
  close(groups.size());
  return parts;
}

std::vector<float> score_groups(const Reader& reader, std::span<const data::Group> groups,
                                const PairLimits& limits, bool bf16, base::ThreadPool& pool) {
  const ForwardOptions options{.bf16 = bf16};
  const std::vector<PackedGroups> parts = pack_groups(groups, *reader.tokenizer, limits, pool);
  std::vector<torch::Tensor> logits(parts.size());
  for_each_part(parts.size(), reader.model->device(), pool, [&](std::size_t i) {
    const torch::NoGradGuard no_grad;
    const PackedBatch batch = to_device(parts[i].batch, reader.model->device());
    logits[i] = reader.model->logits(reader.model->hidden(batch, options), batch, options)
                    .to(torch::kCPU)
                    .contiguous();
  });
  std::vector<float> scores;
  for (const torch::Tensor& part : logits) {
    const float* values = part.data_ptr<float>();
    scores.insert(scores.end(), values, values + part.numel());
  }
  return scores;
}

RerankObjective::RerankObjective(const std::vector<std::string>& files, const Tokenizer& tokenizer,
                                 Reader teacher, Options options, base::ThreadPool& pool)
    : tokenizer_(tokenizer), teacher_(teacher), options_(std::move(options)), pool_(pool) {
  const bool from_files = any_needs_teacher(options_.loss) && teacher_.model == nullptr;
  for (const std::string& path : files) {
    files_.emplace_back(path);
    if (from_files && !files_.back().has_teacher())
      throw InvalidArgument(path +
                            ": a loss needs a teacher: expected teacher scores in every group, or "
                            "\"teacher\" in the config");
    if (!any_needs_teacher(options_.loss)) files_.back().require_contrast();
    for (const LossTerm& term : options_.loss) require_labels(term.name, files_.back());
    for (std::size_t i = 0; i < files_.back().size(); ++i)
      index_.emplace_back(static_cast<std::uint32_t>(files_.size() - 1),
                          static_cast<std::uint32_t>(i));
  }
}

data::Group RerankObjective::draw(const Draw& draw) const {
  const auto [file, group] = index_.at(draw.example);
  return sample_group(files_[file].read(group), options_.group_size, draw.seed);
}

StepData RerankObjective::prepare(std::span<const Draw> draws) const {
  std::vector<data::Group> groups(draws.size());
  pool_.parallel_for(draws.size(), [&](std::size_t i, int) { groups[i] = draw(draws[i]); });
  if (any_needs_teacher(options_.loss) && teacher_.model != nullptr) {
    const std::vector<float> scores =
        score_groups(teacher_, groups, options_.limits, options_.bf16, pool_);
    auto next = scores.begin();
    for (data::Group& group : groups) {
      const auto end = next + static_cast<std::ptrdiff_t>(group.passages.size());
      group.teacher.assign(next, end);
      next = end;
    }
  }
  StepData step;
  step.terms = static_cast<double>(groups.size());
  for (PackedGroups& part : pack_groups(groups, tokenizer_, options_.limits, pool_)) {
    step.tokens += part.batch.tokens();
    const auto span = std::span(groups).subspan(part.first, part.count);
    step.parts.push_back({std::move(part.batch), make_targets(span), {}, {}});
  }
  return step;
}

torch::Tensor RerankObjective::loss(const Model& model, const MicroBatch& part,
                                    const ForwardOptions& options) const {
  const torch::Tensor logits = model.logits(model.hidden(part.batch, options), part.batch, options);
  return ranking_loss(logits, part.groups, options_.loss);
}

}  // namespace narabi::train
