// narabi quantize: the packed int8 form of a model folder, and the gate that says what it costs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/paths.h"
#include "checkpoint/model_record.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/model_options.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/ranked_questions.h"
#include "engine/calibration.h"
#include "engine/limits.h"
#include "engine/pack_folder.h"
#include "engine/precision.h"
#include "engine/scorer.h"
#include "narabi/error.h"
#include "narabi/evaluation.h"
#include "narabi/inspect.h"
#include "narabi/reranker.h"
#include "narabi/tokenizer.h"

namespace narabi::cli {
namespace quantize_command {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kQuestionsAtATime = 32;

// 320 pairs, as deep as the gate looks; 40 of them are scored again for every layer where rounding
// costs too much.
constexpr std::size_t kCalibrationQuestions = 16, kCalibrationDepth = 20;

struct Options {
  std::string model, output, data = "data", precision = "int8";
  std::size_t questions = 200, depth = 20;
  int threads = 0;
  bool calibrate = true, check = false, write = false, json = false, progress = false;

  Precision reduced() const { return precision == "bf16" ? Precision::kBf16 : Precision::kInt8; }
  engine::Gate gate() const { return engine::gate_of(reduced()); }
};

using Logits = std::vector<std::vector<float>>;  // by question and candidate

// `model` scores what `tokenizer` makes of the pairs.
Logits score(const RankedQuestions& questions, const Tokenizer& tokenizer,
             const engine::Scorer& model, int max_length, Progress& progress) {
  Logits logits;
  const std::size_t count = questions.candidates.size();
  for (std::size_t begin = 0; begin < count; begin += kQuestionsAtATime) {
    check_interrupt();
    const std::size_t end = std::min(count, begin + kQuestionsAtATime);
    std::vector<Encoding> encodings;
    for (std::size_t q = begin; q < end; ++q) {
      for (const Pair& pair : questions.pairs_of(q))
        encodings.push_back(tokenizer.encode_pair(pair.query, pair.passage, max_length));
    }
    const std::vector<float> found = model.logits(encodings);
    auto next = found.begin();
    for (std::size_t q = begin; q < end; ++q) {
      const auto own = static_cast<std::ptrdiff_t>(questions.candidates[q].size());
      logits.emplace_back(next, next + own);
      next += own;
    }
    progress.add(encodings.size());
  }
  return logits;
}

double ndcg(const RankedQuestions& questions, const Logits& logits) {
  Run run;
  for (std::size_t q = 0; q < logits.size(); ++q) {
    auto& ranking = run[questions.split.questions[q].id];
    for (std::size_t i = 0; i < logits[q].size(); ++i)
      ranking.emplace_back(std::to_string(questions.candidates[q][i].document), logits[q][i]);
    std::stable_sort(ranking.begin(), ranking.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
  }
  return evaluate(questions.qrels, run, "ndcg@10");
}

// What reduced precision changes, against f32.
struct Change {
  std::size_t pairs = 0;
  double max_difference = 0, mean_difference = 0;
  double kendall_tau = 0;  // within a question's candidates, mean over the questions
  double ndcg_f32 = 0, ndcg = 0;

  double ndcg_change() const { return ndcg - ndcg_f32; }
  bool holds(const engine::Gate& gate) const {
    return gate.holds(kendall_tau, ndcg_change(), max_difference);
  }
};

Change compare(const RankedQuestions& questions, const Logits& f32, const Logits& other) {
  Change change;
  for (std::size_t q = 0; q < f32.size(); ++q) {
    for (std::size_t i = 0; i < f32[q].size(); ++i) {
      const double difference = std::abs(static_cast<double>(f32[q][i]) - other[q][i]);
      if (!(difference <= change.max_difference)) change.max_difference = difference;  // NaN stays
      change.mean_difference += difference;
      ++change.pairs;
    }
    change.kendall_tau += engine::kendall_tau(f32[q], other[q]) / static_cast<double>(f32.size());
  }
  if (change.pairs > 0) change.mean_difference /= static_cast<double>(change.pairs);
  change.ndcg_f32 = ndcg(questions, f32);
  change.ndcg = ndcg(questions, other);
  return change;
}

std::string jsquad(const Options& options) {
  return (fs::path(options.data) / "jsquad/jsquad-valid-v1.3.json.xz").string();
}

// The gate's questions, and the model's logits in f32.
class Gauge {
 public:
  explicit Gauge(const Options& options)
      : options_(options),
        questions_(rank_questions(jsquad(options), options.questions, options.depth)) {}

  // Fails for a model without a head, or with weights that are packed already.
  void score_model() { f32_ = logits(options_.model, Precision::kF32, {}); }

  // The folder `candidate` in the precision asked for, but for `layers`.
  Change measure(const std::string& candidate, const engine::LayerPrecisions& layers) const {
    return compare(questions_, f32_, logits(candidate, options_.reduced(), layers));
  }

 private:
  Logits logits(const std::string& folder, Precision precision,
                const engine::LayerPrecisions& layers) const {
    const engine::Scorer scorer(folder, {.precision = precision, .threads = options_.threads},
                                layers);
    const int max_length = engine::choose_max_length(folder, 0, scorer.max_positions());
    Progress progress(std::string("pairs in ") + engine::name_of(precision), questions_.pairs(),
                      options_.progress);
    return score(questions_, Tokenizer(folder), scorer, max_length, progress);
  }

  const Options& options_;
  RankedQuestions questions_;
  Logits f32_;
};

std::string calibration_text(const Options& options) {
  return (fs::path(options.data) / "jaquad/jaquad-dev.json.xz").string();
}

// A folder without a head has no scores to keep in order; a packed one is refused later.
bool has_float_scores(const std::string& folder) {
  return inspect(folder).architecture.ends_with("ForSequenceClassification") &&
         !checkpoint::is_stamped(folder);
}

// Other questions than those of the gate. Nothing where the text is not there.
std::optional<engine::Calibration> calibrate(const Options& options) {
  const std::string text = calibration_text(options);
  if (!options.calibrate || !base::exists(text) || !has_float_scores(options.model))
    return std::nullopt;
  const RankedQuestions questions = rank_questions(text, kCalibrationQuestions, kCalibrationDepth);
  const Reranker reranker(options.model,
                          {.precision = Precision::kF32, .threads = options.threads});
  std::vector<std::vector<Encoding>> encodings(questions.candidates.size());
  for (std::size_t q = 0; q < encodings.size(); ++q) {
    for (const Pair& pair : questions.pairs_of(q)) {
      encodings[q].push_back(
          reranker.tokenizer().encode_pair(pair.query, pair.passage, reranker.max_length()));
    }
  }
  Progress progress("scorings to calibrate", 0, options.progress);
  return engine::calibrate(options.model, options.reduced(), encodings, options.threads, [&] {
    check_interrupt();
    progress.add(1);
  });
}

// The layers that are not in the precision asked for, and what was done about them.
struct Chosen {
  engine::LayerPrecisions layers;
  std::optional<engine::Calibration> calibration;
  std::optional<engine::PackedFolder> folder;  // that was written
};

// Calibrated where a folder or a record is to be written. Else, and where there is no text for it,
// those that the model's narabi.json names.
Chosen choose_layers(const Options& options) {
  Chosen chosen;
  const bool writes = !options.output.empty() || options.write;
  if (writes && !options.calibrate) return chosen;
  if (writes) chosen.calibration = calibrate(options);
  chosen.layers = chosen.calibration ? chosen.calibration->layers
                                     : engine::recorded_layers(options.model, options.reduced());
  return chosen;
}

std::vector<std::string> layers_in(Precision precision, const engine::LayerPrecisions& layers) {
  std::vector<std::string> names;
  for (const auto& [layer, own] : layers) {
    if (own == precision) names.push_back(layer);
  }
  return names;
}

void set_calibration(const engine::Calibration& calibration, JsonLine& line) {
  line.set("calibration_tau_before", calibration.plain.tau)
      .set("calibration_tau", calibration.found.tau)
      .set("calibration_max_difference_before", calibration.plain.max_difference)
      .set("calibration_max_difference", calibration.found.max_difference)
      .set_integer("linear_layers", static_cast<std::int64_t>(calibration.groups));
  const auto count = [&](Precision wider) {
    return static_cast<std::int64_t>(layers_in(wider, calibration.layers).size());
  };
  line.set_integer("linear_layers_bf16", count(Precision::kBf16))
      .set_integer("linear_layers_f32", count(Precision::kF32));
}

void print_json(const Options& options, const Chosen& chosen, const std::optional<Change>& change,
                Output& output) {
  JsonLine line;
  line.set("model", options.model).set("precision", options.precision);
  if (chosen.folder) {
    line.set("output", options.output)
        .set_integer("source_bytes", static_cast<std::int64_t>(chosen.folder->source_bytes))
        .set_integer("bytes", static_cast<std::int64_t>(chosen.folder->bytes))
        .set_flag("tokenizer_compiled", chosen.folder->tokenizer);
  }
  if (chosen.folder || options.write) line.set_flag("calibrated", chosen.calibration.has_value());
  if (chosen.calibration) set_calibration(*chosen.calibration, line);
  if (change) {
    line.set_integer("pairs", static_cast<std::int64_t>(change->pairs));
    line.set("kendall_tau", change->kendall_tau)
        .set("max_difference", change->max_difference)
        .set("mean_difference", change->mean_difference);
    line.set("ndcg@10_f32", change->ndcg_f32).set("ndcg@10", change->ndcg);
    line.set("ndcg_change", change->ndcg_change()).set_flag("held", change->holds(options.gate()));
  }
  output.line(line.text());
}

std::string agreement_text(const engine::Agreement& agreement) {
  return fmt::format("Kendall tau {:.4f}, |logit difference| at most {:.4f}", agreement.tau,
                     agreement.max_difference);
}

void print_layers(const Options& options, const Chosen& chosen, Output& output) {
  if (const auto& found = chosen.calibration) {
    std::string line =
        fmt::format("  calibration: {} in {}", agreement_text(found->plain), options.precision);
    if (!found->layers.empty())
      line += fmt::format("; {} with {} of {} linear layers wider", agreement_text(found->found),
                          found->layers.size(), found->groups);
    output.line(line);
  } else if (!options.calibrate) {
    output.line("  not calibrated, as asked");
  } else {
    output.line("  not calibrated: no scores, or no text at " + calibration_text(options) +
                (chosen.layers.empty() ? "" : "; the layers are those of narabi.json"));
  }
  for (const Precision wider : {Precision::kF32, Precision::kBf16}) {
    const std::vector<std::string> layers = layers_in(wider, chosen.layers);
    if (!layers.empty())
      output.line(fmt::format("    {}: {}", engine::name_of(wider), fmt::join(layers, ", ")));
  }
}

void print_folder(const Options& options, const engine::PackedFolder& written, Output& output) {
  output.line(fmt::format("{}: {:.1f} MB of weights in {}, of {:.1f} MB{}", options.output,
                          static_cast<double>(written.bytes) / 1e6, options.precision,
                          static_cast<double>(written.source_bytes) / 1e6,
                          written.tokenizer ? "; the tokenizer is compiled" : ""));
  if (!options.check)
    output.line("  not compared with f32: --check does, and records whether the gate holds");
}

void print_change(const Options& options, const Change& change, Output& output) {
  output.line(fmt::format("{}: {} against f32, {} pairs of JSQuAD validation ({} questions)",
                          options.output.empty() ? options.model : options.output,
                          options.precision, change.pairs, options.questions));
  const engine::Gate gate = options.gate();
  output.line(
      fmt::format("  Kendall tau {:.4f} (at least {})", change.kendall_tau, gate.least_tau));
  output.line(fmt::format(
      "  |logit difference| max {:.4f}{}, mean {:.4f}", change.max_difference,
      std::isfinite(gate.most_difference) ? fmt::format(" (at most {})", gate.most_difference) : "",
      change.mean_difference));
  output.line(fmt::format("  nDCG@10 {:.4f}, in f32 {:.4f}: change {:+.4f} (at most {} either way)",
                          change.ndcg, change.ndcg_f32, change.ndcg_change(),
                          gate.most_ndcg_change));
  output.line(change.holds(gate) ? "  the gate holds" : "  the gate does not hold");
}

// In the packed folder, or where the user asks for it in the model's, with its layers.
void record_gate(const Options& options, const engine::LayerPrecisions& layers,
                 const Change& change) {
  const bool packed = !options.output.empty();
  const std::string folder = packed ? options.output : options.model;
  checkpoint::ModelRecord record(folder);
  for (const Precision wider : {Precision::kBf16, Precision::kF32}) {
    if (!packed)
      record.set_layers(options.precision, engine::name_of(wider), layers_in(wider, layers));
  }
  record.set_gate(options.precision, {.held = change.holds(options.gate()),
                                      .kendall_tau = change.kendall_tau,
                                      .ndcg_change = change.ndcg_change(),
                                      .pairs = change.pairs});
  record.write(folder);
}

// What can be refused is refused before a file is written.
void run(const Options& options) {
  const bool packs = !options.output.empty();
  if (packs) engine::check_packed_output(options.model, options.output);
  std::optional<Gauge> gauge;
  if (options.check) gauge.emplace(options);
  Chosen chosen = choose_layers(options);
  if (gauge) gauge->score_model();
  if (packs) {
    chosen.layers = engine::for_this_cpu(std::move(chosen.layers));
    chosen.folder = engine::pack_folder(options.model, options.output, chosen.layers);
  }
  std::optional<Change> change;
  if (options.check) {
    change = gauge->measure(packs ? options.output : options.model, chosen.layers);
    if (packs || options.write) record_gate(options, chosen.layers, *change);
  }
  Output output("-");
  if (options.json) {
    print_json(options, chosen, change, output);
  } else {
    if (chosen.folder) print_folder(options, *chosen.folder, output);
    if (change) print_change(options, *change, output);
    if (packs || options.write) print_layers(options, chosen, output);
  }
  output.close();
  if (change && !change->holds(options.gate()))
    throw Unsupported(options.model + ": " + options.precision +
                      " does not keep the scores of f32");
}

void check_usage(const Options& options) {
  if (options.output.empty() && !options.check)
    throw CLI::RequiredError("--output FOLDER or --check");
  if (options.write && !options.check) throw CLI::RequiresError("--write", "--check");
  if (!options.output.empty() && options.precision != "int8")
    throw CLI::ValidationError("--output", "expected --precision int8, found " + options.precision);
}

}  // namespace
}  // namespace quantize_command

void add_quantize(CLI::App& app) {
  using namespace quantize_command;
  auto options = std::make_shared<Options>();
  if (const char* data = std::getenv("NARABI_DATA")) options->data = data;
  CLI::App* command =
      app.add_subcommand("quantize", "The int8 form of a model, and what it changes in the scores");
  command->add_option("model", options->model, "Model folder")->required();
  command->add_flag("--check", options->check,
                    "Score calibration pairs in f32 and in less precision, and compare");
  command->add_flag("--write", options->write,
                    "Record in the model's narabi.json (of a packed folder always in its own) "
                    "which linear layers stay wider and whether the gate holds: --precision auto "
                    "goes by it");
  command->add_option("--output", options->output,
                      "Folder for the packed int8 form, with its tokenizer compiled: a new one, an "
                      "empty one, or the packed form of the same weights, which is replaced");
  command->add_flag("!--no-calibration", options->calibrate,
                    "Every linear layer alike, without looking which of them suffer");
  command->add_option("--precision", options->precision, "int8 or bf16")
      ->check(CLI::IsMember({"int8", "bf16"}))
      ->capture_default_str();
  command
      ->add_option("--data", options->data,
                   "Folder with jsquad/ and jaquad/ (default: $NARABI_DATA, else data)")
      ->capture_default_str();
  command->add_option("--questions", options->questions, "Questions of JSQuAD (0: all)")
      ->capture_default_str();
  command->add_option("--depth", options->depth, "Candidates of a question, by BM25")
      ->check(at_least(1))
      ->capture_default_str();
  command
      ->add_option("--threads", options->threads,
                   "Worker threads (default: the cores that the cgroup allows)")
      ->check(CLI::Range(1, 1024));
  command->add_flag("--json", options->json, "One JSON line");
  command->add_flag("--progress", options->progress,
                    "Show progress on stderr even if it is no terminal");
  command->footer(
      "The gate of int8: Kendall tau >= 0.98 within a question's candidates (mean over the "
      "questions) and nDCG@10\nwithin 0.003 of f32; of bf16: the same tau, nDCG@10 within 0.001, "
      "and "
      "every logit within 0.03. Exit code 1 where it does\nnot hold. With --output it is the "
      "packed folder "
      "that "
      "is compared, and its narabi.json holds the record.\n\nWith --output or --write, 320 pairs "
      "of "
      "JaQuAD are scored first: where the precision costs too much (tau\nbelow 0.985; in bf16 a "
      "logit 0.01 off), the linear layers that suffer most stay in bf16 or f32.\n\nExamples:\n"
      "  narabi quantize models/narabi-xsmall --check\n"
      "  narabi quantize DIR --check --write\n"
      "  narabi quantize DIR --output DIR-int8 --check\n"
      "  narabi quantize DIR --check --precision bf16 --questions 0 --json");
  command->callback([options] {
    check_usage(*options);
    run(*options);
  });
}

}  // namespace narabi::cli
