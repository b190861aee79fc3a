#include "train/masked_lm_objective.h"

#include <algorithm>
#include <random>

#include "base/utf8.h"
#include "narabi/error.h"

namespace narabi::train {
namespace {

// Japanese text has about 1.7 characters of 3 bytes in a token; a little more, to fill a sequence.
constexpr std::size_t kBytesPerToken = 6;

}  // namespace

// A sequence with some of its tokens hidden; `wanted` are the ids that stood at `places`.
struct MaskedLmObjective::Masked {
  Encoding encoding;
  std::vector<std::int64_t> places, wanted;
};

MaskedLmObjective::MaskedLmObjective(const std::vector<std::string>& files,
                                     const Tokenizer& tokenizer, Options options,
                                     base::ThreadPool& pool)
    : tokenizer_(tokenizer), options_(std::move(options)), pool_(pool) {
  for (const std::string& path : files) {
    files_.emplace_back(path);
    const std::string_view text = files_.back().text();
    if (const auto bad = base::invalid_utf8_at(text))
      throw InvalidFormat(path + ": invalid UTF-8 at byte " + std::to_string(*bad));
    const std::size_t before = texts_.size();
    cut(text);
    if (texts_.size() == before) throw InvalidFormat(path + ": expected text, found none");
  }
}

void MaskedLmObjective::cut(std::string_view text) {
  const std::size_t full = static_cast<std::size_t>(options_.max_length) * kBytesPerToken;
  std::size_t begin = 0;
  for (std::size_t end = 0; end < text.size();) {
    end = std::min(text.find('\n', end), text.size() - 1) + 1;
    if (end - begin < full && end < text.size()) continue;
    if (text.substr(begin, end - begin).find_first_not_of(" \t\r\n") != std::string_view::npos)
      texts_.push_back(text.substr(begin, end - begin));
    begin = end;
  }
}

MaskedLmObjective::Masked MaskedLmObjective::mask(const Draw& draw) const {
  std::mt19937_64 random(draw.seed);
  std::uniform_real_distribution<double> uniform;
  std::uniform_int_distribution<std::int64_t> any(0, options_.vocabulary - 1);
  Masked masked{tokenizer_.encode(texts_.at(draw.example), options_.max_length), {}, {}};
  for (std::size_t i = 0; i < masked.encoding.input_ids.size(); ++i) {
    std::int32_t& id = masked.encoding.input_ids[i];
    const bool special =
        std::find(options_.special.begin(), options_.special.end(), id) != options_.special.end();
    if (special || uniform(random) >= options_.mask) continue;
    masked.places.push_back(static_cast<std::int64_t>(i));
    masked.wanted.push_back(id);
    const double fate = uniform(random);
    if (fate < 0.8) {
      id = static_cast<std::int32_t>(options_.mask_token);
    } else if (fate < 0.9) {
      id = static_cast<std::int32_t>(any(random));
    }
  }
  return masked;
}

StepData MaskedLmObjective::prepare(std::span<const Draw> draws) const {
  std::vector<Masked> masked(draws.size());
  pool_.parallel_for(draws.size(), [&](std::size_t i, int) { masked[i] = mask(draws[i]); });
  StepData step;
  for (std::size_t begin = 0; begin < masked.size();) {
    std::vector<Encoding> encodings;
    std::int64_t tokens = 0;
    std::size_t end = begin;
    for (; end < masked.size(); ++end) {
      const auto size = static_cast<std::int64_t>(masked[end].encoding.input_ids.size());
      if (end > begin && tokens + size > options_.micro_batch_tokens) break;
      tokens += size;
      encodings.push_back(masked[end].encoding);
    }
    MicroBatch part{pack(encodings), {}, {}, {}};
    std::vector<std::int64_t> rows, wanted;
    for (std::size_t i = begin; i < end; ++i) {
      const auto first =
          part.batch.first[static_cast<std::int64_t>(i - begin)].item<std::int64_t>();
      for (const std::int64_t place : masked[i].places) rows.push_back(first + place);
      wanted.insert(wanted.end(), masked[i].wanted.begin(), masked[i].wanted.end());
    }
    part.rows = torch::tensor(rows, torch::kInt64);
    part.wanted = torch::tensor(wanted, torch::kInt64);
    step.terms += static_cast<double>(rows.size());
    step.tokens += tokens;
    if (!rows.empty()) step.parts.push_back(std::move(part));
    begin = end;
  }
  return step;
}

torch::Tensor MaskedLmObjective::loss(const Model& model, const MicroBatch& part,
                                      const ForwardOptions& options) const {
  const torch::Tensor rows = model.hidden(part.batch, options).index_select(0, part.rows);
  const torch::Tensor logits = model.vocabulary_logits(rows, options).to(torch::kFloat32);
  return torch::cross_entropy_loss(logits, part.wanted, {}, at::Reduction::Sum);
}

}  // namespace narabi::train
