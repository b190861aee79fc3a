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
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/ranked_questions.h"
#include "engine/calibration.h"
#include "engine/pack_folder.h"
#include "engine/precision.h"
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

// 128 pairs: enough to see outliers, and scored again for every layer where they cost too much.
constexpr std::size_t kCalibrationQuestions = 16, kCalibrationDepth = 8;

struct Options {
  std::string model, output, data = "data", precision = "int8";
  std::size_t questions = 200, depth = 20;
  int threads = 0;
  bool calibrate = true, check = false, write = false, json = false, progress = false;
};

using Logits = std::vector<std::vector<float>>;  // by question and candidate

Logits score(const RankedQuestions& questions, const Reranker& reranker, Progress& progress) {
  Logits logits;
  const std::size_t count = questions.candidates.size();
  for (std::size_t begin = 0; begin < count; begin += kQuestionsAtATime) {
    check_interrupt();
    const std::size_t end = std::min(count, begin + kQuestionsAtATime);
    std::vector<Pair> pairs;
    for (std::size_t q = begin; q < end; ++q) {
      const std::vector<Pair> more = questions.pairs_of(q);
      pairs.insert(pairs.end(), more.begin(), more.end());
    }
    const std::vector<Score> scores = reranker.score(pairs);
    std::size_t next = 0;
    for (std::size_t q = begin; q < end; ++q) {
      auto& row = logits.emplace_back();
      for (std::size_t i = 0; i < questions.candidates[q].size(); ++i)
        row.push_back(scores[next++].logit);
    }
    progress.add(pairs.size());
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

  bool holds() const {
    return kendall_tau >= engine::kLeastTau && std::abs(ndcg - ndcg_f32) <= engine::kMostNdcgChange;
  }
};

Change compare(const RankedQuestions& questions, const Logits& f32, const Logits& other) {
  Change change;
  for (std::size_t q = 0; q < f32.size(); ++q) {
    for (std::size_t i = 0; i < f32[q].size(); ++i) {
      const double difference = std::abs(static_cast<double>(f32[q][i]) - other[q][i]);
      change.max_difference = std::max(change.max_difference, difference);
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

// `candidate` in the precision asked for, against the model in f32.
Change measure(const Options& options, const std::string& candidate) {
  const RankedQuestions questions =
      rank_questions(jsquad(options), options.questions, options.depth);
  Progress progress("pairs", 2 * questions.pairs(), options.progress);
  const auto logits = [&](const std::string& folder, Precision precision) {
    return score(questions, Reranker(folder, {.precision = precision, .threads = options.threads}),
                 progress);
  };
  const Logits f32 = logits(options.model, Precision::kF32);
  return compare(
      questions, f32,
      logits(candidate, options.precision == "bf16" ? Precision::kBf16 : Precision::kInt8));
}

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
  return engine::calibrate(options.model, encodings, options.threads, [&] {
    check_interrupt();
    progress.add(1);
  });
}

struct Written {
  engine::PackedFolder folder;
  std::optional<engine::Calibration> calibration;
};

Written write(const Options& options) {
  Written written;
  written.calibration = calibrate(options);
  written.folder = engine::pack_folder(
      options.model, options.output,
      written.calibration ? written.calibration->bf16 : std::set<std::string>{});
  return written;
}

void set_calibration(const engine::Calibration& calibration, JsonLine& line) {
  line.set("calibration_tau_int8", calibration.int8_tau)
      .set("calibration_tau", calibration.tau)
      .set_integer("linear_layers", static_cast<std::int64_t>(calibration.groups))
      .set_integer("linear_layers_bf16", static_cast<std::int64_t>(calibration.bf16.size()));
}

void print_json(const Options& options, const std::optional<Written>& written,
                const std::optional<Change>& change, Output& output) {
  JsonLine line;
  line.set("model", options.model).set("precision", options.precision);
  if (written) {
    line.set("output", options.output)
        .set_integer("source_bytes", static_cast<std::int64_t>(written->folder.source_bytes))
        .set_integer("bytes", static_cast<std::int64_t>(written->folder.bytes))
        .set_flag("tokenizer_compiled", written->folder.tokenizer)
        .set_flag("calibrated", written->calibration.has_value());
    if (written->calibration) set_calibration(*written->calibration, line);
  }
  if (change) {
    line.set_integer("pairs", static_cast<std::int64_t>(change->pairs));
    line.set("kendall_tau", change->kendall_tau)
        .set("max_difference", change->max_difference)
        .set("mean_difference", change->mean_difference);
    line.set("ndcg@10_f32", change->ndcg_f32).set("ndcg@10", change->ndcg);
    line.set("ndcg_change", change->ndcg - change->ndcg_f32).set_flag("held", change->holds());
  }
  output.line(line.text());
}

void print_calibration(const Options& options, const std::optional<engine::Calibration>& found,
                       Output& output) {
  if (!found) {
    output.line(options.calibrate
                    ? "  not calibrated: no scores, or no text at " + calibration_text(options)
                    : "  not calibrated, as asked");
    return;
  }
  std::string line = fmt::format("  calibration: Kendall tau {:.4f} in int8", found->int8_tau);
  if (!found->bf16.empty())
    line += fmt::format(", {:.4f} with {} of {} linear layers in bf16: {}", found->tau,
                        found->bf16.size(), found->groups, fmt::join(found->bf16, ", "));
  output.line(line);
}

void print_written(const Options& options, const Written& made, Output& output) {
  const engine::PackedFolder& written = made.folder;
  output.line(fmt::format("{}: {:.1f} MB of weights in {}, of {:.1f} MB{}", options.output,
                          static_cast<double>(written.bytes) / 1e6, options.precision,
                          static_cast<double>(written.source_bytes) / 1e6,
                          written.tokenizer ? "; the tokenizer is compiled" : ""));
  print_calibration(options, made.calibration, output);
  if (!options.check)
    output.line("  not compared with f32: --check does, and records whether the gate holds");
}

void print_change(const Options& options, const Change& change, Output& output) {
  output.line(fmt::format("{}: {} against f32, {} pairs of JSQuAD validation ({} questions)",
                          options.output.empty() ? options.model : options.output,
                          options.precision, change.pairs, options.questions));
  output.line(
      fmt::format("  Kendall tau {:.4f} (at least {})", change.kendall_tau, engine::kLeastTau));
  output.line(fmt::format("  |logit difference| max {:.4f}, mean {:.4f}", change.max_difference,
                          change.mean_difference));
  output.line(fmt::format("  nDCG@10 {:.4f}, in f32 {:.4f}: change {:+.4f} (at most {} either way)",
                          change.ndcg, change.ndcg_f32, change.ndcg - change.ndcg_f32,
                          engine::kMostNdcgChange));
  output.line(change.holds() ? "  the gate holds" : "  the gate does not hold");
}

// In the packed folder, or where the user asks for it in the model's.
void record_gate(const Options& options, const Change& change) {
  const std::string folder = options.output.empty() ? options.model : options.output;
  checkpoint::ModelRecord record(folder);
  record.set_gate(options.precision, {.held = change.holds(),
                                      .kendall_tau = change.kendall_tau,
                                      .ndcg_change = change.ndcg - change.ndcg_f32,
                                      .pairs = change.pairs});
  record.write(folder);
}

void run(const Options& options) {
  std::optional<Written> written;
  std::optional<Change> change;
  if (!options.output.empty()) written = write(options);
  if (options.check) change = measure(options, written ? options.output : options.model);
  if (change && (written || options.write)) record_gate(options, *change);
  Output output("-");
  if (options.json) {
    print_json(options, written, change, output);
  } else {
    if (written) print_written(options, *written, output);
    if (change) print_change(options, *change, output);
  }
  output.close();
  if (change && !change->holds())
    throw Unsupported(options.model + ": " + options.precision + " does not keep the order of f32");
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
                    "Record in the model's narabi.json whether the gate holds: --precision auto "
                    "takes int8 where it does");
  command->add_option("--output", options->output,
                      "Folder for the packed int8 form, with its tokenizer compiled");
  command->add_flag("!--no-calibration", options->calibrate,
                    "Every linear layer in int8, without looking which of them suffer");
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
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option("--threads", options->threads,
                   "Worker threads (default: the cores that the cgroup allows)")
      ->check(CLI::Range(1, 1024));
  command->add_flag("--json", options->json, "One JSON line");
  command->add_flag("--progress", options->progress,
                    "Show progress on stderr even if it is no terminal");
  command->footer(
      "The gate: Kendall tau >= 0.98 within a question's candidates (mean over the questions) and "
      "nDCG@10 within\n0.003 of f32; exit code 1 where it does not hold. With --output it is the "
      "packed "
      "folder that is compared,\nand its narabi.json holds the record.\n\nWith --output, 128 pairs "
      "of "
      "JaQuAD are scored first: where int8 costs too much (tau below 0.985), the\nlinear layers "
      "that "
      "suffer most stay in bf16.\n\nExamples:\n"
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
