// narabi quantize: the packed int8 form of a model folder, and the gate that says what it costs.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include "checkpoint/model_record.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "data/squad.h"
#include "engine/pack_folder.h"
#include "engine/precision.h"
#include "narabi/error.h"
#include "narabi/evaluation.h"
#include "narabi/reranker.h"
#include "narabi/search.h"

namespace narabi::cli {
namespace {

constexpr std::size_t kQuestionsAtATime = 32;

struct Options {
  std::string model, output, data = "data", precision = "int8";
  std::size_t questions = 200, depth = 20;
  int threads = 0;
  bool check = false, write = false, json = false, progress = false;
};

// Questions of JSQuAD with their best candidates by BM25, and which paragraph answers each.
struct Calibration {
  data::SquadSplit split;
  std::vector<std::vector<Hit>> candidates;
  Qrels qrels;
};

Calibration load_calibration(const Options& options) {
  Calibration calibration;
  calibration.split = data::read_squad(
      (std::filesystem::path(options.data) / "jsquad/jsquad-valid-v1.3.json.xz").string());
  auto& questions = calibration.split.questions;
  std::vector<Document> documents;
  for (std::size_t i = 0; i < calibration.split.paragraphs.size(); ++i)
    documents.push_back({std::to_string(i), "", calibration.split.paragraphs[i].text});
  if (options.questions > 0 && options.questions < questions.size()) {
    // Spread over the articles: neighbours ask about the same paragraph.
    const std::size_t step = questions.size() / options.questions;
    for (std::size_t i = 0; i < options.questions; ++i) questions[i] = questions[i * step];
    questions.resize(options.questions);
  }
  const LexicalIndex index(std::move(documents), {});
  for (const data::SquadQuestion& question : questions) {
    calibration.candidates.push_back(index.search(question.text, options.depth));
    calibration.qrels[question.id][std::to_string(question.paragraph)] = 1;
  }
  return calibration;
}

using Logits = std::vector<std::vector<float>>;  // by question and candidate

Logits score(const Calibration& calibration, const Reranker& reranker, Progress& progress) {
  Logits logits;
  for (std::size_t begin = 0; begin < calibration.candidates.size(); begin += kQuestionsAtATime) {
    check_interrupt();
    const std::size_t end = std::min(calibration.candidates.size(), begin + kQuestionsAtATime);
    std::vector<Pair> pairs;
    for (std::size_t q = begin; q < end; ++q) {
      for (const Hit& hit : calibration.candidates[q])
        pairs.push_back(
            {calibration.split.questions[q].text, calibration.split.paragraphs[hit.document].text});
    }
    const std::vector<Score> scores = reranker.score(pairs);
    std::size_t next = 0;
    for (std::size_t q = begin; q < end; ++q) {
      auto& row = logits.emplace_back();
      for (std::size_t i = 0; i < calibration.candidates[q].size(); ++i)
        row.push_back(scores[next++].logit);
    }
    progress.add(pairs.size());
  }
  return logits;
}

double ndcg(const Calibration& calibration, const Logits& logits) {
  Run run;
  for (std::size_t q = 0; q < logits.size(); ++q) {
    auto& ranking = run[calibration.split.questions[q].id];
    for (std::size_t i = 0; i < logits[q].size(); ++i)
      ranking.emplace_back(std::to_string(calibration.candidates[q][i].document), logits[q][i]);
    std::stable_sort(ranking.begin(), ranking.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
  }
  return evaluate(calibration.qrels, run, "ndcg@10");
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

double kendall_tau(const std::vector<float>& a, const std::vector<float>& b) {
  double concordant = 0, discordant = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = i + 1; j < a.size(); ++j) {
      const double product =
          (static_cast<double>(a[i]) - a[j]) * (static_cast<double>(b[i]) - b[j]);
      concordant += product > 0;
      discordant += product < 0;
    }
  }
  return concordant + discordant > 0 ? (concordant - discordant) / (concordant + discordant) : 1.0;
}

Change compare(const Calibration& calibration, const Logits& f32, const Logits& other) {
  Change change;
  for (std::size_t q = 0; q < f32.size(); ++q) {
    for (std::size_t i = 0; i < f32[q].size(); ++i) {
      const double difference = std::abs(static_cast<double>(f32[q][i]) - other[q][i]);
      change.max_difference = std::max(change.max_difference, difference);
      change.mean_difference += difference;
      ++change.pairs;
    }
    change.kendall_tau += kendall_tau(f32[q], other[q]) / static_cast<double>(f32.size());
  }
  if (change.pairs > 0) change.mean_difference /= static_cast<double>(change.pairs);
  change.ndcg_f32 = ndcg(calibration, f32);
  change.ndcg = ndcg(calibration, other);
  return change;
}

// `candidate` in the precision asked for, against the model in f32.
Change measure(const Options& options, const std::string& candidate) {
  const Calibration calibration = load_calibration(options);
  std::size_t pairs = 0;
  for (const auto& hits : calibration.candidates) pairs += hits.size();
  Progress progress("pairs", 2 * pairs, options.progress);
  const auto logits = [&](const std::string& folder, Precision precision) {
    return score(calibration,
                 Reranker(folder, {.precision = precision, .threads = options.threads}), progress);
  };
  const Logits f32 = logits(options.model, Precision::kF32);
  return compare(
      calibration, f32,
      logits(candidate, options.precision == "bf16" ? Precision::kBf16 : Precision::kInt8));
}

void print_json(const Options& options, const std::optional<engine::PackedFolder>& written,
                const std::optional<Change>& change, Output& output) {
  JsonLine line;
  line.set("model", options.model).set("precision", options.precision);
  if (written) {
    line.set("output", options.output)
        .set_integer("source_bytes", static_cast<std::int64_t>(written->source_bytes))
        .set_integer("bytes", static_cast<std::int64_t>(written->bytes))
        .set_flag("tokenizer_compiled", written->tokenizer);
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

void print_written(const Options& options, const engine::PackedFolder& written, Output& output) {
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
  std::optional<engine::PackedFolder> written;
  std::optional<Change> change;
  if (!options.output.empty()) written = engine::pack_folder(options.model, options.output);
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

void add_quantize(CLI::App& app) {
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
  command->add_option("--precision", options->precision, "int8 or bf16")
      ->check(CLI::IsMember({"int8", "bf16"}))
      ->capture_default_str();
  command
      ->add_option("--data", options->data,
                   "Folder with jsquad/ (default: $NARABI_DATA, else data)")
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
      "folder that is compared,\nand its narabi.json holds the record.\n\nExamples:\n"
      "  narabi quantize models/prototype-modernbert-6l --check\n"
      "  narabi quantize DIR --check --write\n"
      "  narabi quantize DIR --output DIR-int8 --check\n"
      "  narabi quantize DIR --check --precision bf16 --questions 0 --json");
  command->callback([options] {
    check_usage(*options);
    run(*options);
  });
}

}  // namespace narabi::cli
