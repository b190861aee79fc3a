#include "train/lexical_start.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/line_reader.h"
#include "base/utf8.h"
#include "models/modernbert/config.h"
#include "narabi/error.h"
#include "train/match_heads.h"

namespace narabi::train {
namespace {

using torch::Tensor;

// The residual stream: named dimensions first, then codes of kCode dimensions each.
enum Dimension : std::int64_t {
  kOne,        // constant
  kSpecial,    // <s>, </s>
  kSeparator,  // </s>
  kLogIdf,
  kIdf,
  kPassage,         // after layer 0: 1 behind the first separator
  kSpecialPassage,  // kSpecial x kPassage
  kFound,           // 4: m of tokens, pairs, spellings, meanings
  kFoundIdf = kFound + 4,
  kCoverage = kFoundIdf + 4,
  kDensity = kCoverage + 4,
  kBest = kDensity + 4,
  kLength = kBest + 4,  // 1 / tokens
  kCodes = 32
};
constexpr std::int64_t kCode = 32, kSignals = 4;
constexpr std::int64_t kToken = kCodes, kSpelling = kToken + kCode, kBefore = kSpelling + kCode,
                       kMeaning = kBefore + kCode;                             // to the end
constexpr std::int64_t kHeadSize = 64, kSlow = kHeadSize / 2 - kCode / 2 - 2;  // first slow pair

constexpr double kSpecialValue = 6, kOneValue = 2;
constexpr double kTokenValue = 9, kSpellingValue = 8;  // lengths of codes; the meaning has the rest
constexpr double kSide = 3;      // what one side of the separator differs from the other by
constexpr double kEqual = 12;    // attention logit of equal tokens
constexpr double kOther = 5;     // added for the other side, taken away for one's own
constexpr double kAlike = 0.75;  // cosine that counts as half found
constexpr double kShrink = 0.9;  // what a norm leaves of lengths that layer 0 has added to

// Squared length of each half of the meaning: a row has hidden_size in all.
double meaning_energy(std::int64_t hidden) {
  return (static_cast<double>(hidden) - kOneValue * kOneValue - kTokenValue * kTokenValue -
          kSpellingValue * kSpellingValue) /
         2;
}

Tensor unit_rows(const Tensor& x) {
  return x / x.norm(2, 1, true).clamp_min(1e-6);
}

struct Statistics {
  Tensor count;          // [V] f64
  Tensor meaning;        // [V, M] left singular vectors, a row zero where a token was not seen
  double paragraph = 1;  // tokens
};

constexpr std::int64_t kWindow = 4;
constexpr std::int64_t kLargestVocabulary = 32768;

Statistics read_texts(const Tokenizer& tokenizer, std::int64_t vocabulary,
                      const std::vector<std::string>& texts, std::int64_t width,
                      at::Generator generator) {
  Tensor together = torch::zeros({vocabulary, vocabulary});
  Tensor count = torch::zeros({vocabulary}, torch::kFloat64);
  float* pairs = together.data_ptr<float>();
  double* counts = count.data_ptr<double>();
  std::int64_t lines = 0;
  for (const std::string& path : texts) {
    base::LineReader reader(path);
    for (std::string line; reader.next(line); ++lines) {
      const auto ids = tokenizer.encode_plain(line).input_ids;
      for (std::size_t i = 0; i < ids.size(); ++i) {
        counts[ids[i]] += 1;
        for (std::size_t j = i + 1; j < std::min(ids.size(), i + 1 + kWindow); ++j) {
          pairs[ids[i] * vocabulary + ids[j]] += 1;
          pairs[ids[j] * vocabulary + ids[i]] += 1;
        }
      }
    }
  }
  Statistics statistics;
  statistics.count = count;
  const double total = count.sum().item<double>();
  if (total == 0) throw InvalidFormat("model.texts: expected text, found none");
  statistics.paragraph = std::max(64.0, total / static_cast<double>(lines));
  // max(0, log(p(a, b) / p(a) p(b)^.75)), the contexts' frequencies smoothed
  const Tensor context = together.sum(0).pow(0.75);
  const Tensor row = together.sum(1).clamp_min(1).unsqueeze(1);
  together.div_(row).div_(context.div(context.sum()).clamp_min(1e-12)).log_().clamp_min_(0);
  Tensor basis = torch::randn({vocabulary, width + 16}, generator);
  for (int round = 0; round < 4; ++round)  // subspace iteration; the matrix is nearly symmetric
    basis = std::get<0>(torch::linalg_qr(together.matmul(together.t().matmul(basis))));
  const auto svd = torch::linalg_svd(basis.t().matmul(together), false);  // [W + 16, V]
  statistics.meaning = basis.matmul(std::get<0>(svd)).narrow(1, 0, width);
  return statistics;
}

// Sums of random codes of a piece's characters.
Tensor spelling_codes(const std::string& tokenizer_folder, std::int64_t vocabulary,
                      at::Generator generator) {
  std::ifstream file(tokenizer_folder + "/tokenizer.json");
  const auto json = nlohmann::json::parse(file, nullptr, false);
  if (json.is_discarded() || !json.contains("model") || !json["model"].contains("vocab"))
    throw Unsupported(tokenizer_folder +
                      "/tokenizer.json: model.init lexical: expected a model.vocab");
  std::unordered_map<char32_t, Tensor> codes;
  Tensor sums = torch::randn({vocabulary, kCode}, generator);  // bytes and special tokens keep this
  std::int64_t id = 0;
  for (const auto& entry : json["model"]["vocab"]) {
    if (id >= vocabulary) break;
    const std::string piece = entry.is_array() ? entry[0].get<std::string>() : std::string();
    if (!piece.empty() && piece[0] != '<') {
      Tensor sum = torch::zeros({kCode});
      for (std::size_t at = 0; at < piece.size();) {
        const char32_t c = base::next_code_point(piece, at);
        auto [found, fresh] = codes.try_emplace(c);
        if (fresh) found->second = torch::randn({kCode}, generator);
        sum += found->second;
      }
      sums[id].copy_(sum);
    }
    ++id;
  }
  return unit_rows(sums);
}

// One attention head's rows of Wqkv and columns of Wo.
struct Head {
  Tensor query, key, value;  // [64, H]
  Tensor output;             // [H, 64]

  void clear() const {
    query.zero_();
    key.zero_();
  }
  // Query and key rows of pair `pair` (dimensions pair and pair + 32), scaled by sqrt(8) each so
  // that their product over sqrt(64) is the product of the given numbers.
  void set(const Tensor& side, std::int64_t pair, bool imaginary, std::int64_t dimension,
           double weight) const {
    side[pair + (imaginary ? kHeadSize / 2 : 0)][dimension] += weight * std::sqrt(8.0);
  }
  // One value dimension: reads `from` (weights by dimension), adds to `to`.
  void carry(std::int64_t slot, const std::vector<std::pair<std::int64_t, double>>& from,
             std::int64_t to, double gain) const {
    value[slot].zero_();
    output.narrow(1, slot, 1).zero_();
    for (const auto& [dimension, weight] : from) value[slot][dimension] = weight;
    output[to][slot] = gain;
  }
};

class Writer {
 public:
  Writer(Parameters& parameters, const models::modernbert::Config& shape)
      : parameters_(parameters), shape_(shape) {
    for (int layer = 0; layer < std::min(4, shape.layers);
         ++layer) {  // keep named dimensions clear
      for (const char* part : {"attn.Wo.weight", "mlp.Wo.weight"})
        parameters_.at("model.layers." + std::to_string(layer) + "." + part)
            .detach()
            .narrow(0, 0, kCodes)
            .zero_();
    }
  }

  Head head(int layer, std::int64_t index) const {
    const std::string name = "model.layers." + std::to_string(layer) + ".attn.";
    const Tensor joint = parameters_.at(name + "Wqkv.weight").detach();
    const Tensor out = parameters_.at(name + "Wo.weight").detach();
    const std::int64_t first = index * kHeadSize, hidden = shape_.hidden;
    return {joint.narrow(0, first, kHeadSize), joint.narrow(0, hidden + first, kHeadSize),
            joint.narrow(0, 2 * hidden + first, kHeadSize), out.narrow(1, first, kHeadSize)};
  }

  double frequency(std::int64_t pair) const {
    return std::pow(shape_.global_theta, -2.0 * static_cast<double>(pair) / kHeadSize);
  }

  // adds gelu(gain_a x[a]) x[b] gain to `to`
  void multiply(int layer, std::int64_t unit, std::int64_t a, double gain_a, std::int64_t b,
                std::int64_t to, double gain) const {
    const std::string name = "model.layers." + std::to_string(layer) + ".mlp.";
    const Tensor in = parameters_.at(name + "Wi.weight").detach();
    const Tensor out = parameters_.at(name + "Wo.weight").detach();
    in[unit].zero_();
    in[shape_.intermediate + unit].zero_();
    out.narrow(1, unit, 1).zero_();
    in[unit][a] = gain_a;
    in[shape_.intermediate + unit][b] = 1;
    out[to][unit] = gain / gain_a;
  }

  // Layer 0: whatever stands behind a separator attends to it, and so learns that it does.
  void find_side() const {
    const Head h = head(0, 0);
    // sum_k c_k sin(theta_k distance) = 1 for distances 1 to 512, by least squares
    const std::int64_t pairs = kHeadSize / 2, reach = 512;
    Tensor angles = torch::zeros({reach, pairs}, torch::kFloat64);
    for (std::int64_t d = 0; d < reach; ++d) {
      for (std::int64_t k = 0; k < pairs; ++k)
        angles[d][k] = std::sin(frequency(k) * static_cast<double>(d + 1));
    }
    const Tensor weights = 1 / torch::arange(1, reach + 1, torch::kFloat64).unsqueeze(1);
    const Tensor gram =
        angles.t().matmul(angles * weights) + 1e-3 * torch::eye(pairs, torch::kFloat64);
    const Tensor c = torch::linalg_solve(gram, angles.t().matmul(weights), true);
    const double strength = 30;
    h.clear();
    for (std::int64_t k = 0; k < pairs; ++k) {
      h.set(h.query, k, true, kOne, -c[k][0].item<double>() * strength / kOneValue);
      h.set(h.key, k, false, kSeparator, 1 / kSpecialValue);
    }
    h.carry(0, {{kSeparator, 1 / kSpecialValue}}, kPassage, kSide);
    multiply(0, 0, kSpecial, 1, kPassage, kSpecialPassage, 1 / (kSpecialValue * kShrink * kShrink));
  }

  // Layer 0: the code of the token before.
  void find_before() const {
    const Head h = head(0, 1);
    h.clear();
    for (std::int64_t k = 0; k < 8; ++k) {
      h.set(h.query, k, false, kOne, 6 * std::cos(frequency(k)) / kOneValue);
      h.set(h.query, k, true, kOne, -6 * std::sin(frequency(k)) / kOneValue);
      h.set(h.key, k, false, kOne, 1 / kOneValue);
    }
    for (std::int64_t i = 0; i < kCode; ++i) h.carry(i, {{kToken + i, 1}}, kBefore + i, 0.8);
  }

  // Layer 1: tokens of the other side whose codes are like mine. codes: where each half of the code
  // stands and what length it has.
  void find_equal(std::int64_t signal, std::int64_t first, std::int64_t second, double length_first,
                  double length_second, double equal, double sink) const {
    const Head h = head(1, signal);
    h.clear();
    for (std::int64_t i = 0; i < kCode / 2; ++i) {
      for (const Tensor& side : {h.query, h.key}) {
        h.set(side, kSlow + i, false, first + i, std::sqrt(equal / 2) / (length_first * kShrink));
        h.set(side, kSlow + i, true, second + i, std::sqrt(equal / 2) / (length_second * kShrink));
      }
    }
    // side: -1 for the query, 1 for the passage, 0 for special tokens; unlike sides attract
    const std::int64_t pair = kHeadSize / 2 - 2;
    const double root = std::sqrt(kOther) / kShrink;
    for (const double sign : {1.0, -1.0}) {
      const Tensor& side = sign > 0 ? h.query : h.key;
      h.set(side, pair, false, kPassage, sign * root * 2 / kSide);
      h.set(side, pair, false, kOne, sign * root * -1 / kOneValue);
      h.set(side, pair, false, kSpecialPassage, sign * root * -2 / kSide);
      h.set(side, pair, false, kSpecial, sign * root / kSpecialValue);
    }
    h.set(h.query, pair + 1, false, kOne, (sink + kOther - std::log(4.0)) / (kOneValue * kShrink));
    h.set(h.key, pair + 1, false, kSpecial, 1 / (kSpecialValue * kShrink));
    h.carry(0, {{kOne, 1 / kOneValue}, {kSpecial, -1 / kSpecialValue}}, kFound + signal, 2);
    multiply(1, signal, kFound + signal, 2, kIdf, kFoundIdf + signal, 1);
  }

  // Layer 2
  void cover() const {
    const Head h = head(2, 0);
    h.clear();
    const std::int64_t pair = kHeadSize / 2 - 1;
    h.set(h.query, pair, false, kOne, 1 / kOneValue);
    h.set(h.key, pair, false, kLogIdf, 1.2);
    h.set(h.key, pair, false, kPassage, -15 / kSide);
    h.set(h.key, pair, false, kSpecial, -15 / kSpecialValue);
    for (std::int64_t i = 0; i < kSignals; ++i) h.carry(i, {{kFound + i, 1}}, kCoverage + i, 2);
  }
  void condense() const {
    const Head h = head(2, 1);
    h.clear();
    std::int64_t first = 0;
    while (frequency(first) > 0.08) ++first;
    for (std::int64_t k = first; k < first + 6; ++k) {
      h.set(h.query, k, false, kOne, 3 / kOneValue);
      h.set(h.key, k, false, kOne, 1 / kOneValue);
    }
    for (std::int64_t i = 0; i < kSignals; ++i) h.carry(i, {{kFoundIdf + i, 1}}, kDensity + i, 2);
  }
  void measure_length() const {
    const Head h = head(2, 2);
    h.clear();
    h.carry(0, {{kSeparator, 1 / kSpecialValue}}, kLength, 300);
  }

  // Layer 3
  void find_best() const {
    const Head h = head(3, 0);
    h.clear();
    const std::int64_t pair = kHeadSize / 2 - 1;
    h.set(h.query, pair, false, kOne, 1 / kOneValue);
    h.set(h.key, pair, false, kDensity, 4);
    h.set(h.key, pair, false, kPassage, 15 / kSide);
    for (std::int64_t i = 0; i < kSignals; ++i) h.carry(i, {{kDensity + i, 1}}, kBest + i, 1);
  }

  void add_up(at::Generator generator) const {
    const Tensor dense = parameters_.at("head.dense.weight").detach();
    const Tensor classifier = parameters_.at("classifier.weight").detach();
    // gelu(z) - gelu(-z) = z
    const std::int64_t rows = 16;
    const std::vector<std::pair<std::int64_t, double>> parts = {
        {kCoverage, 1}, {kCoverage + 1, 0.5}, {kCoverage + 2, 0.5}, {kCoverage + 3, 0.3},
        {kBest, 0.3},   {kBest + 1, 0.2},     {kBest + 2, 0.2}};
    for (std::int64_t r = 0; r < 2 * rows; ++r) {
      dense[r].normal_(0, 0.005, generator);
      for (const auto& [dimension, weight] : parts)
        dense[r][dimension] += (r < rows ? 0.15 : -0.15) * weight;
      classifier[0][r] = r < rows ? 0.2 : -0.2;
    }
  }

 private:
  Parameters& parameters_;
  const models::modernbert::Config& shape_;
};

models::modernbert::Config read_shape(const checkpoint::ConfigFile& config) {
  const auto expect = [&](bool holds, const std::string& key, const std::string& expected,
                          const std::string& found) {
    if (!holds)
      throw Unsupported(config.path() + ": model.init lexical: expected " + key + " " + expected +
                        ", found " + found);
  };
  const std::string type = config.text("model_type");
  expect(type == "modernbert", "model_type", "modernbert", type);
  const auto shape = models::modernbert::read_config(config);
  expect(shape.layers >= 3, "num_hidden_layers", "of 3 or more", std::to_string(shape.layers));
  expect(shape.heads >= 4, "num_attention_heads", "of 4 or more", std::to_string(shape.heads));
  expect(shape.hidden == shape.heads * kHeadSize, "hidden_size",
         "of 64 for each of " + std::to_string(shape.heads) + " heads",
         std::to_string(shape.hidden));
  expect(shape.vocabulary <= kLargestVocabulary, "vocab_size",
         "of at most " + std::to_string(kLargestVocabulary) + " (4 GB of pairs of tokens)",
         std::to_string(shape.vocabulary));
  for (int layer = 0; layer < std::min(4, shape.layers); ++layer)
    expect(shape.global[static_cast<std::size_t>(layer)], "layer_types",
           "full_attention in the first four layers",
           "sliding_attention in layer " + std::to_string(layer));
  expect(shape.global_theta >= 1e6, "rope_theta of full attention",
         "of 1e6 or more (dimensions that hardly turn compare codes)",
         std::to_string(shape.global_theta));
  return shape;
}

}  // namespace

void start_lexical(Parameters& parameters, const checkpoint::ConfigFile& config,
                   const std::string& tokenizer_folder, const std::vector<std::string>& texts,
                   std::uint64_t seed) {
  const torch::NoGradGuard no_grad;
  const auto shape = read_shape(config);
  const std::int64_t width = shape.hidden - kMeaning;
  auto generator = at::detail::createCPUGenerator(seed);
  const Tokenizer tokenizer(tokenizer_folder);
  const Statistics statistics = read_texts(tokenizer, shape.vocabulary, texts, width, generator);

  Tensor words = parameters.at("model.embeddings.tok_embeddings.weight").detach();
  words.zero_();
  words.select(1, kOne).fill_(kOneValue);
  // idf of paragraphs: a token of probability p is in 1 - (1 - p)^n of those of n tokens
  const Tensor p = statistics.count / statistics.count.sum();
  const Tensor idf =
      (-torch::log(-torch::expm1(statistics.paragraph * torch::log1p(-p))).clamp_max(14))
          .clamp(0.02, 14)
          .to(torch::kFloat32);
  const double mean = 4;
  words.select(1, kIdf).copy_(idf / mean);
  words.select(1, kLogIdf).copy_((idf / mean).log());
  const Tensor halves = torch::randn({shape.vocabulary, 2, kCode / 2}, generator);
  words.narrow(1, kToken, kCode)
      .copy_((halves / halves.norm(2, 2, true) * (kTokenValue / std::sqrt(2.0))).view({-1, kCode}));
  words.narrow(1, kSpelling, kCode)
      .copy_(spelling_codes(tokenizer_folder, shape.vocabulary, generator) * kSpellingValue);
  // The first kCode dimensions are compared: those have unit length, the rest what is left.
  Tensor meaning = statistics.meaning + torch::randn({shape.vocabulary, width}, generator) * 1e-3;
  const double length = std::sqrt(meaning_energy(shape.hidden));
  const Tensor head = unit_rows(meaning.narrow(1, 0, kCode)) * length;
  const Tensor tail = unit_rows(meaning.narrow(1, kCode, width - kCode)) * length;
  words.narrow(1, kMeaning, width).copy_(torch::cat({head, tail}, 1));
  const auto specials = tokenizer.encode("", 8).input_ids;
  for (const std::int32_t id : {specials.front(), specials.back()}) {
    words[id].narrow(0, 0, kCodes).zero_();
    words[id][kOne] = kOneValue;
    words[id][kSpecial] = kSpecialValue;
  }
  words[specials.back()][kSeparator] = kSpecialValue;
  // rows of the length that the norm gives them, so that the numbers above are what layers see
  const Tensor named = words.narrow(1, 0, kCodes).square().sum(1, true);
  Tensor codes = words.narrow(1, kCodes, shape.hidden - kCodes);
  codes.mul_((shape.hidden - named).sqrt() / codes.norm(2, 1, true));

  add_match_heads(parameters, config, seed);
  const Writer write(parameters, shape);
  write.find_side();
  write.find_before();
  const double half = kTokenValue / std::sqrt(2.0);
  write.find_equal(0, kToken, kToken + kCode / 2, half, half, kEqual, kEqual - 1);
  write.find_equal(1, kToken, kBefore + kCode / 2, half, 0.8 * half, 20, 17);
  const double spelling = kSpellingValue / std::sqrt(2.0);
  write.find_equal(2, kSpelling, kSpelling + kCode / 2, spelling, spelling, 16, kAlike * 16);
  const double meant = std::sqrt(meaning_energy(shape.hidden) / 2);
  write.find_equal(3, kMeaning, kMeaning + kCode / 2, meant, meant, 16, kAlike * 16);
  write.cover();
  write.measure_length();
  if (shape.layers > 3) {
    write.condense();
    write.find_best();
  }
  if (parameters.find("classifier.weight").defined()) write.add_up(generator);  // not for mlm
}

}  // namespace narabi::train
