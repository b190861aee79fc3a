// narabi calibrate: what a reranker's logits say about the probability of being relevant.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "checkpoint/model_record.h"
#include "checkpoint/rescale.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/model_options.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "data/groups.h"
#include "eval/platt.h"
#include "narabi/error.h"
#include "narabi/reranker.h"
#include "rerank/activation.h"

namespace narabi::cli {
namespace calibrate_command {
namespace {

using Judged = std::vector<eval::JudgedLogit>;

constexpr std::size_t kGroupsAtATime = 16;

struct Options {
  std::string model, output;
  std::vector<std::string> groups;
  std::size_t limit = 0;
  bool write = false, json = false, progress = false;
  ModelFlags model_flags;
};

// By questions, dealt in turn to two halves, of which each is judged by what the other has fitted;
// a question that comes again, with other passages, falls into the same half.
struct Scored {
  Judged half[2];
  std::size_t questions = 0;
  std::map<std::string, std::size_t> numbers;

  Judged& half_of(const std::string& query) {
    return half[numbers.emplace(query, numbers.size()).first->second % 2];
  }

  Judged all() const {
    Judged both = half[0];
    both.insert(both.end(), half[1].begin(), half[1].end());
    return both;
  }
};

// Whose labels say nothing: it is there for a teacher's scores.
bool is_judged(const data::Group& group) {
  return std::adjacent_find(group.labels.begin(), group.labels.end(), std::not_equal_to<>()) !=
         group.labels.end();
}

void score(const Reranker& reranker, const std::vector<data::Group>& groups, Scored& scored) {
  std::vector<Pair> pairs;
  for (const data::Group& group : groups) {
    for (const std::string& passage : group.passages) pairs.push_back({group.query, passage});
  }
  const std::vector<Score> scores = reranker.score(pairs);
  auto next = scores.begin();
  for (const data::Group& group : groups) {
    Judged& half = scored.half_of(group.query);
    for (const float label : group.labels) half.push_back({(next++)->logit, label > 0});
  }
}

// At most `limit` of them, spread over the file.
std::size_t chosen(const data::GroupFile& file, std::size_t limit) {
  return limit > 0 ? std::min(limit, file.size()) : file.size();
}

data::Group judged_group(const data::GroupFile& file, std::size_t index) {
  data::Group group = file.read(index);
  if (!is_judged(group))
    throw InvalidFormat(file.where(index) +
                        ": labels: expected relevant and other passages, found "
                        "labels that are all equal");
  return group;
}

Scored score_files(const Options& options) {
  std::vector<data::GroupFile> files;
  std::size_t questions = 0;
  for (const std::string& path : options.groups)
    questions += chosen(files.emplace_back(path), options.limit);
  const Reranker reranker(options.model, options.model_flags.options());
  Progress progress("questions", questions, options.progress);
  Scored scored;
  for (const data::GroupFile& file : files) {
    const std::size_t count = chosen(file, options.limit);
    for (std::size_t begin = 0; begin < count; begin += kGroupsAtATime) {
      check_interrupt();
      std::vector<data::Group> groups;
      for (std::size_t i = begin; i < std::min(count, begin + kGroupsAtATime); ++i)
        groups.push_back(judged_group(file, i * file.size() / count));
      score(reranker, groups, scored);
      scored.questions += groups.size();
      progress.add(groups.size());
    }
  }
  return scored;
}

struct Result {
  std::size_t pairs = 0, questions = 0, relevant = 0;
  eval::PlattScaling scaling;       // of all pairs
  eval::Reliability before, after;  // of sigmoid(logit), and of each half by the other's scaling
};

eval::PlattScaling fit_half(const Judged& half) {
  try {
    return eval::fit_platt(half);
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(std::string("one half of the questions, to judge the other by: ") +
                          error.what());
  }
}

Result fit(const Scored& scored) {
  if (scored.questions < 2)
    throw InvalidArgument("expected two questions or more, to judge one half by the other");
  const Judged all = scored.all();
  Result result;
  result.pairs = all.size();
  result.questions = scored.questions;
  for (const eval::JudgedLogit& one : all) result.relevant += one.relevant;
  result.scaling = eval::fit_platt(all);
  std::vector<double> before, after;
  for (const eval::JudgedLogit& one : all)
    before.push_back(eval::PlattScaling{}.probability(one.logit));
  for (int half = 0; half < 2; ++half) {
    const eval::PlattScaling others = fit_half(scored.half[1 - half]);
    for (const eval::JudgedLogit& one : scored.half[half])
      after.push_back(others.probability(one.logit));
  }
  result.before = eval::reliability(all, before);
  result.after = eval::reliability(all, after);
  return result;
}

// A folder whose own sigmoid says it, as nearly as a power of two as scale can: that rounds no
// weight and changes no order. narabi.json says the rest.
void write_folder(const Options& options, const checkpoint::Rescaling& folder, const Judged& all,
                  const eval::PlattScaling& scaling) {
  const double scale = std::exp2(std::round(std::log2(scaling.scale)));
  const double wanted = eval::fit_offset(all, scale);
  checkpoint::ModelRecord record(options.model);
  record.scale_logits(scale);
  const double rest = scaling.scale / scale;
  record.set_calibration(rest, scaling.offset - rest * folder.stored(scale, wanted));
  folder.write(scale, wanted, record);
}

// Before hours of scoring, what writing would refuse. None where no folder is to be written.
std::optional<checkpoint::Rescaling> output_folder(const Options& options) {
  if (options.output.empty()) return std::nullopt;
  if (rerank::read_activation(options.model) != rerank::Activation::kSigmoid)
    throw InvalidArgument(options.model +
                          ": --output: expected a model whose plain score is sigmoid(logit), found "
                          "the activation Identity; --write records the scaling");
  checkpoint::ModelRecord(options.model).scale_logits(1);  // says what cannot be scaled
  return std::make_optional<checkpoint::Rescaling>(options.model, options.output);
}

std::string bins_as_json(const eval::Reliability& found) {
  std::string text = "[";
  for (const eval::ReliabilityBin& bin : found.bins) {
    JsonLine line;
    line.set_integer("pairs", static_cast<std::int64_t>(bin.pairs)).set("said", bin.said);
    line.set_integer("relevant", static_cast<std::int64_t>(bin.relevant));
    text += (text.size() > 1 ? ", " : "") + line.text();
  }
  return text + "]";
}

void print_json(const Options& options, const Result& result, Output& output) {
  JsonLine line;
  line.set("model", options.model)
      .set_integer("questions", static_cast<std::int64_t>(result.questions))
      .set_integer("pairs", static_cast<std::int64_t>(result.pairs))
      .set_integer("relevant", static_cast<std::int64_t>(result.relevant))
      .set("scale", result.scaling.scale)
      .set("offset", result.scaling.offset)
      .set("log_loss", result.before.log_loss)
      .set("log_loss_calibrated", result.after.log_loss)
      .set("calibration_error", result.before.calibration_error)
      .set("calibration_error_calibrated", result.after.calibration_error)
      .set_json("bins", bins_as_json(result.before))
      .set_json("bins_calibrated", bins_as_json(result.after));
  output.line(line.text());
}

std::string found_of(const eval::ReliabilityBin& bin) {
  if (bin.pairs == 0) return fmt::format("{:>8}{:>10}{:>10}", 0, "", "");
  return fmt::format("{:>8}{:>10.3f}{:>10.3f}", bin.pairs, bin.said,
                     static_cast<double>(bin.relevant) / static_cast<double>(bin.pairs));
}

void print_text(const Options& options, const Result& result, Output& output) {
  output.line(fmt::format("{}: {} pairs of {} questions, {} relevant", options.model, result.pairs,
                          result.questions, result.relevant));
  output.line(fmt::format("probability = sigmoid({:.4f} x logit {} {:.4f})", result.scaling.scale,
                          result.scaling.offset < 0 ? "-" : "+", std::fabs(result.scaling.offset)));
  output.line("");
  output.line(fmt::format("{:<20}{:>28}  {:>28}", "", "sigmoid(logit)", "calibrated"));
  output.line(fmt::format("{:<20}{:>28.4f}  {:>28.4f}", "log loss", result.before.log_loss,
                          result.after.log_loss));
  output.line(fmt::format("{:<20}{:>28.4f}  {:>28.4f}", "calibration error",
                          result.before.calibration_error, result.after.calibration_error));
  const std::string head = fmt::format("{:>8}{:>10}{:>10}", "pairs", "said", "relevant");
  output.line(fmt::format("{:<20}{}  {}", "said", head, head));
  for (std::size_t i = 0; i < result.before.bins.size(); ++i) {
    output.line(fmt::format(
        "{:<20}{}  {}", fmt::format("0.{} to {}", i, i == 9 ? "1.0" : fmt::format("0.{}", i + 1)),
        found_of(result.before.bins[i]), found_of(result.after.bins[i])));
  }
}

void run(const Options& options) {
  const std::optional<checkpoint::Rescaling> folder = output_folder(options);
  const Scored scored = score_files(options);
  const Result result = fit(scored);
  Output output("-");
  if (options.json) {
    print_json(options, result, output);
  } else {
    print_text(options, result, output);
  }
  output.close();  // what was measured is said, even where it cannot be written
  if (folder) write_folder(options, *folder, scored.all(), result.scaling);
  if (options.write) {
    checkpoint::ModelRecord record(options.model);
    record.set_calibration(result.scaling.scale, result.scaling.offset);
    record.write(options.model);
  }
}

}  // namespace
}  // namespace calibrate_command

void add_calibrate(CLI::App& app) {
  using namespace calibrate_command;
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "calibrate", "Scores that say how probable it is that a passage is relevant");
  command->add_option("model", options->model, "Model folder of a reranker")->required();
  command
      ->add_option(
          "--groups", options->groups,
          "Questions with passages and labels that the model was not trained on, such as a "
          "search finds them: what narabi mine writes, or any form that training reads; a label "
          "above 0 "
          "means relevant")
      ->required();
  command
      ->add_option("--limit", options->limit, "Only N questions of a file, spread over it (0: all)")
      ->check(at_least(0));
  CLI::Option* write = command->add_flag(
      "--write", options->write,
      "Record it in the model's narabi.json; serve answers with it where \"calibrated\" is asked");
  command
      ->add_option(
          "--output", options->output,
          "A folder with another last layer, whose plain score, sigmoid(logit), says it in "
          "every engine; the weight of BM25 in narabi.json goes with it")
      ->excludes(write);
  command->add_flag("--json", options->json, "One JSON line");
  command->add_flag("--progress", options->progress,
                    "Show progress on stderr even if it is no terminal");
  options->model_flags.add_to(*command);
  command->footer(
      "Platt scaling. \"said\" is the mean probability of the pairs in a row, \"relevant\" the "
      "share "
      "of them that are;\nthe calibrated columns are of each half of the questions by what the "
      "other "
      "half has fitted.\n\"--output\" scales by a power of two, which changes no order, and "
      "records "
      "the rest in narabi.json.\n\nExamples:\n"
      "  narabi mine --squad held-out.json --negatives 15 --range-max 16 --keep-answers --output "
      "g.jsonl\n"
      "  narabi calibrate DIR --groups g.jsonl\n"
      "  narabi calibrate DIR --groups g.jsonl --output DIR2");
  command->callback([options] { run(*options); });
}

}  // namespace narabi::cli
