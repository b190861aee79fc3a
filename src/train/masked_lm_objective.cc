#include "train/masked_lm_objective.h"

#include <algorithm>
#include <random>

#include "base/line_reader.h"
#include "base/utf8.h"
#include "narabi/error.h"

namespace narabi::train {
namespace {

constexpr std::size_t kLongestLine = 4096;  // bytes; a longer one is tokenized in pieces

// The next line of `text` with its end, or a piece of a long one; at a boundary of characters.
std::string_view next_line(std::string_view text) {
  const std::size_t end = text.substr(0, kLongestLine).find('\n');
  return end == std::string_view::npos ? base::utf8_prefix(text, kLongestLine)
                                       : text.substr(0, end + 1);
}

std::vector<std::int32_t> tokens_of(std::string_view line, const Tokenizer& tokenizer) {
  if (line.find_first_not_of(" \t\r\n") == std::string_view::npos) return {};
  if (!line.ends_with("\r\n")) return tokenizer.encode_plain(line).input_ids;
  return tokenizer.encode_plain(std::string(line.substr(0, line.size() - 2)) + "\n").input_ids;
}

bool is_packed(const std::string& path) {
  return path.ends_with(".gz") || path.ends_with(".xz") || path.ends_with(".zst");
}

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
  // What two texts of one token have in common: what stands before and after it.
  const auto special = tokenizer.encode("", options_.max_length).input_ids;
  const auto some = tokenizer.encode("1", options_.max_length).input_ids;
  const auto differs = std::mismatch(special.begin(), special.end(), some.begin(), some.end());
  before_.assign(special.begin(), differs.first);
  after_.assign(differs.first, special.end());
  room_ = static_cast<std::size_t>(options_.max_length) - special.size();
  for (const std::string& path : files) add_file(path);
}

void MaskedLmObjective::add_file(const std::string& path) {
  std::string_view text = is_packed(path) ? unpacked_.emplace_back(base::read_file(path))
                                          : mapped_.emplace_back(path).text();
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte-order mark
  std::vector<std::string_view> lines;                          // of the text, each to its end
  std::size_t number = 1;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view whole = rest.substr(0, rest.find('\n'));
    if (const auto bad = base::invalid_utf8_at(whole))
      throw InvalidFormat(path + ":" + std::to_string(number) + ": invalid UTF-8 at byte " +
                          std::to_string(*bad) + " of the line");
    ++number;
    for (const std::size_t after = rest.size() - std::min(rest.size(), whole.size() + 1);
         rest.size() > after;) {
      lines.push_back(rest);
      rest.remove_prefix(next_line(rest).size());
    }
  }
  std::vector<std::size_t> tokens(lines.size());
  pool_.parallel_for(lines.size(), [&](std::size_t i, int) {
    tokens[i] = tokens_of(next_line(lines[i]), tokenizer_).size();
  });
  std::size_t room = 0;  // in the window that is open
  const std::size_t before = windows_.size();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::size_t used = std::min(room, tokens[i]);
    room -= used;
    for (; used < tokens[i]; used += std::min(room_, tokens[i] - used)) {
      windows_.push_back({lines[i], used});
      room = room_ - std::min(room_, tokens[i] - used);
    }
  }
  if (windows_.size() == before) throw InvalidFormat(path + ": expected text, found none");
}

std::vector<std::int32_t> MaskedLmObjective::sequence(const Window& window) const {
  std::vector<std::int32_t> ids = before_;
  std::size_t skip = window.skip;
  const std::size_t full = before_.size() + room_;
  for (std::string_view rest = window.text; !rest.empty() && ids.size() < full;) {
    const std::string_view line = next_line(rest);
    const std::vector<std::int32_t> tokens = tokens_of(line, tokenizer_);
    const std::size_t begin = std::min(skip, tokens.size());
    const std::size_t end = std::min(tokens.size(), begin + full - ids.size());
    ids.insert(ids.end(), tokens.begin() + static_cast<std::ptrdiff_t>(begin),
               tokens.begin() + static_cast<std::ptrdiff_t>(end));
    skip -= begin;
    rest.remove_prefix(line.size());
  }
  ids.insert(ids.end(), after_.begin(), after_.end());
  return ids;
}

MaskedLmObjective::Masked MaskedLmObjective::mask(const Draw& draw) const {
  std::mt19937_64 random(draw.seed);
  std::uniform_real_distribution<double> uniform;
  std::uniform_int_distribution<std::int64_t> any(0, options_.vocabulary - 1);
  Masked masked;
  masked.encoding.input_ids = sequence(windows_.at(draw.example));
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
