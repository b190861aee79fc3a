// narabi bench: speed of a model folder, beside the GEMM rate of this machine in the same run.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <random>

#include "base/cpu.h"
#include "base/line_reader.h"
#include "base/thread_pool.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/model_options.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "engine/gemm_rate.h"
#include "engine/limits.h"
#include "engine/scorer.h"
#include "narabi/error.h"
#include "narabi/inspect.h"
#include "narabi/tokenizer.h"

namespace narabi::cli {
namespace bench_command {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kMixed = "mixed";
constexpr int kMostMixed = 500;

struct Options {
  std::string model, tokens = "200", passages, query = "京都で紅葉が有名な寺はどこですか";
  std::size_t pairs = 100;
  int rounds = 7;
  bool json = false;
  std::uint32_t seed = 1;
  ModelFlags model_flags;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Natural enough for a tokenizer, different for each pair: phrases drawn at random.
// At least `tokens` tokens: a phrase has one or more.
std::string make_text(std::mt19937& random, int tokens) {
  static const char* const kPhrases[] = {"京都の",
                                         "古い",
                                         "寺院では",
                                         "毎年",
                                         "秋に",
                                         "紅葉の",
                                         "庭園が",
                                         "公開され",
                                         "多くの",
                                         "観光客が",
                                         "訪れる。",
                                         "その",
                                         "建築は",
                                         "室町時代に",
                                         "建てられ",
                                         "国宝に",
                                         "指定されている。",
                                         "東京都",
                                         "港区の",
                                         "会社は",
                                         "2024年",
                                         "新しい",
                                         "製品を",
                                         "発表した。",
                                         "データベースの",
                                         "検索",
                                         "エンジンと",
                                         "再順位付けの",
                                         "モデルを",
                                         "組み合わせると",
                                         "精度が",
                                         "上がる。"};
  std::string text;
  for (int i = 0; i < tokens; ++i) text += kPhrases[random() % std::size(kPhrases)];
  return text;
}

// Lengths in tokens: all the same, or log-normal between 40 and 500 with a mean of about 211; cut
// at `most`.
std::vector<int> make_lengths(const Options& options, int most, std::mt19937& random) {
  if (options.tokens != kMixed)
    return std::vector<int>(options.pairs, std::min(std::stoi(options.tokens), most));
  std::vector<int> lengths;
  std::normal_distribution<double> normal(5.22, 0.52);
  while (lengths.size() < options.pairs) {
    const int length = static_cast<int>(std::exp(normal(random)));
    if (length >= 40 && length <= kMostMixed) lengths.push_back(std::min(length, most));
  }
  return lengths;
}

// As they are measured.
std::string lengths_text(const Options& options) {
  const int cut = options.model_flags.max_length;
  if (options.tokens == kMixed)
    return kMixed + (cut > 0 && cut < kMostMixed ? fmt::format(", at most {}", cut) : "");
  return cut > 0 ? std::to_string(std::min(std::stoi(options.tokens), cut)) : options.tokens;
}

struct Measured {
  std::vector<double> seconds;           // a round each, sorted
  std::vector<double> tokenize_seconds;  // of them, sorted
  std::size_t tokens = 0;                // of all pairs
  double tokens_squared = 0;
};

// What a request asks: passages, and to how many tokens each pair is cut.
struct Request {
  std::vector<std::string> passages;
  std::vector<int> lengths;
};

// `positions`: of the model, which generated pairs may fill; passages are cut at `max_length`.
Request make_request(const Options& options, int max_length, int positions) {
  Request request;
  if (options.passages.empty()) {
    const int most = options.model_flags.max_length > 0 ? max_length : positions;
    if (options.tokens != kMixed && std::stoi(options.tokens) > positions)
      throw InvalidArgument(
          fmt::format("--tokens: expected at most {} (the positions of {}), found {}", positions,
                      options.model, options.tokens));
    std::mt19937 random(options.seed);
    request.lengths = make_lengths(options, most, random);
    for (const int length : request.lengths) request.passages.push_back(make_text(random, length));
    return request;
  }
  base::LineReader lines(options.passages);
  for (std::string line; lines.next(line);) {
    if (!line.empty()) request.passages.push_back(line);
  }
  if (request.passages.empty())
    throw InvalidFormat(options.passages + ": expected passages, found none");
  request.lengths.assign(request.passages.size(), max_length);
  return request;
}

Measured measure(const Options& options, const Request& request, const Tokenizer& tokenizer,
                 const engine::Scorer& scorer) {
  base::ThreadPool pool(scorer.threads());
  const std::size_t pairs = request.passages.size();
  Measured measured;
  for (int round = -2; round < options.rounds; ++round) {  // two rounds of warm-up
    check_interrupt();
    const auto start = Clock::now();
    std::vector<Encoding> encodings(pairs);
    pool.parallel_for(pairs, [&](std::size_t i, int) {
      encodings[i] = tokenizer.encode_pair(options.query, request.passages[i], request.lengths[i]);
    });
    const double tokenized = seconds_since(start);
    scorer.logits(encodings);
    if (round >= 0) {
      measured.seconds.push_back(seconds_since(start));
      measured.tokenize_seconds.push_back(tokenized);
    }
    if (round == 0) {
      for (const Encoding& encoding : encodings) {
        const auto tokens = static_cast<double>(encoding.input_ids.size());
        measured.tokens += encoding.input_ids.size();
        measured.tokens_squared += tokens * tokens;
      }
    }
  }
  std::sort(measured.seconds.begin(), measured.seconds.end());
  std::sort(measured.tokenize_seconds.begin(), measured.tokenize_seconds.end());
  return measured;
}

// FLOPs of the linear layers of all tokens, and of attention over whole sequences: nothing deducted
// for windows or for what nobody reads.
struct Flops {
  double linear = 0, attention = 0;
};

Flops flops_of(const ModelSummary& summary, const Measured& measured) {
  const double h = summary.hidden, f = summary.intermediate;
  const bool gated = summary.architecture.find("Modern") != std::string::npos;
  const double linear = 2 * (4 * h * h + (gated ? 3 : 2) * h * f) * summary.layers;
  return {linear * static_cast<double>(measured.tokens),
          4 * h * summary.layers * measured.tokens_squared};
}

// G operations a second: of linear layers in their precision (all of them: those that stay wider
// are not told apart), of attention in bf16 or f32; where integers of 16 bits take the place of
// bf16, half of those of 8.
struct Rates {
  double linear = 0, attention = 0;
};

Rates measure_rates(const ModelSummary& summary, Precision precision, int threads) {
  const auto rate = [&](kernels::Operand operand) {
    return engine::measure_gemm_gops(operand, static_cast<std::size_t>(summary.hidden),
                                     static_cast<std::size_t>(summary.intermediate), threads, 3);
  };
  if (precision == Precision::kF32) {
    const double f32 = rate(kernels::Operand::kF32);
    return {f32, f32};
  }
  const double bf16 = rate(kernels::Operand::kBf16), int8 = rate(kernels::Operand::kInt8);
  const bool integers = base::isa() >= base::Isa::kVnni && !base::bf16_is_fast();
  return {precision == Precision::kInt8 ? int8 : bf16, integers ? int8 / 2 : bf16};
}

double peak_rss_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void run(const Options& options) {
  ModelOptions model = options.model_flags.options();
  if (model.threads == 0) model.threads = base::available_cores();
  const auto start = Clock::now();
  const engine::Scorer scorer(options.model, model);
  const double load_model = seconds_since(start);
  const double rss_after_model = peak_rss_mb();
  const Tokenizer tokenizer(options.model);
  const double load = seconds_since(start);
  const int positions = scorer.max_positions();
  const Request request = make_request(
      options, engine::choose_max_length(options.model, model.max_length, positions), positions);
  const Measured measured = measure(options, request, tokenizer, scorer);
  const double peak = peak_rss_mb();
  const ModelSummary summary = inspect(options.model);
  const Precision precision = scorer.precision();
  const Rates rates = measure_rates(summary, precision, model.threads);
  const double median = measured.seconds[measured.seconds.size() / 2];
  const double p99 = measured.seconds[(measured.seconds.size() * 99 - 1) / 100];
  const double tokenizing = measured.tokenize_seconds[measured.tokenize_seconds.size() / 2];
  const Flops flops = flops_of(summary, measured);
  const double bound =
      flops.linear / (rates.linear * 1e9) + flops.attention / (rates.attention * 1e9);
  const std::size_t count = request.passages.size();
  const std::string lengths = options.passages.empty() ? lengths_text(options) : options.passages;
  const auto pairs = static_cast<double>(count), tokens = static_cast<double>(measured.tokens);
  JsonLine line;
  line.set("model", options.model)
      .set("precision", engine::name_of(precision))
      .set_integer("threads", model.threads);
  line.set_integer("pairs", static_cast<std::int64_t>(count)).set("tokens", lengths);
  line.set("seconds", median)
      .set("pairs_per_s", pairs / median)
      .set("tokens_per_s", tokens / median);
  line.set("p50_ms", median * 1e3)
      .set("p99_ms", p99 * 1e3)
      .set("load_s", load)
      .set("load_model_s", load_model);
  line.set("peak_rss_mb", peak).set("rss_after_model_mb", rss_after_model);
  const std::int64_t weights = summary.memory_bytes.empty() ? 0 : summary.memory_bytes[0].second;
  line.set("weights_mb", static_cast<double>(weights) / 1048576);
  line.set("tokenize_s", tokenizing).set("attention_gops", rates.attention);
  line.set("gemm_gops", rates.linear).set("bound_s", bound).set("bound_fraction", bound / median);
  Output output("-");
  if (options.json) {
    output.line(line.text());
  } else {
    output.line(fmt::format("{}: {}, {} threads, {} pairs of {}{}", options.model,
                            engine::name_of(precision), model.threads, count, lengths,
                            options.passages.empty() ? " tokens" : ""));
    output.line(fmt::format("  {:.3f} s a request (p99 {:.3f} s), {:.0f} pairs/s, {:.0f} tokens/s",
                            median, p99, pairs / median, tokens / median));
    output.line(
        fmt::format("  {:.0f}% of the bound {:.3f} s (all FLOPs at this machine's GEMM rate, "
                    "{:.0f} G/s now); {:.1f}% of the time is tokenizing",
                    100 * bound / median, bound, rates.linear, 100 * tokenizing / median));
    output.line(fmt::format("  load {:.2f} s (tokenizer {:.2f} s of it), peak memory {:.0f} MB",
                            load, load - load_model, peak));
  }
  output.close();
}

}  // namespace
}  // namespace bench_command

void add_bench(CLI::App& app) {
  using namespace bench_command;
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("bench", "Speed of a model, beside this machine's GEMM rate");
  command->add_option("--model", options->model, "Model folder")->required();
  command->add_option("--pairs", options->pairs, "Pairs of a request")
      ->check(at_least(1))
      ->capture_default_str();
  command
      ->add_option("--tokens", options->tokens,
                   "Tokens of a pair, or mixed: 40 to 500, mean about 211; --max-length cuts them")
      ->check(word_or_whole(kMixed, 8, std::numeric_limits<int>::max()))
      ->capture_default_str();
  command->add_option("--passages", options->passages,
                      "Your own request instead: one passage a line; and its --query");
  command->add_option("--query", options->query, "Of every pair")->capture_default_str();
  command->add_option("--rounds", options->rounds, "Requests measured, after two of warm-up")
      ->check(at_least(1))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "Of the texts and lengths")
      ->check(at_least(0))
      ->capture_default_str();
  command->add_flag("--json", options->json, "One JSON line");
  options->model_flags.add_to(*command);
  command->footer(
      "Tokenizing is part of the time. Examples:\n"
      "  narabi bench --model DIR --threads 2\n  narabi bench --model DIR --pairs 1000 --tokens "
      "mixed --json\n  narabi bench --model DIR --passages passages.txt --query 紅葉の名所は "
      "--rounds 100");
  command->callback([options] { run(*options); });
}

}  // namespace narabi::cli
