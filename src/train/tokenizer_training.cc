#include "train/tokenizer_training.h"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/atomic_file.h"
#include "base/line_reader.h"
#include "narabi/error.h"
#include "text/unicode.h"
#include "tokenize/pattern.h"

namespace narabi::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

// Runs that a piece stays inside of, for ICU and Oniguruma alike. Single digits: numbers are
// compared digit by digit.
constexpr const char* kScripts =
    "[\\p{Han}々〆]+|\\p{Hiragana}+|[\\p{Katakana}ー]+|\\p{Latin}+|\\p{Nd}|"
    "[^\\p{Han}々〆\\p{Hiragana}\\p{Katakana}ー\\p{Latin}\\p{Nd}]";
constexpr const char* kDigits = "\\p{Nd}|[^\\p{Nd}]+";
constexpr const char* kSpace = "▁";
constexpr std::size_t kLongestRun = 400;  // bytes; SentencePiece leaves longer sentences out

const std::vector<std::string> kSpecial = {"<unk>", "<s>",    "</s>", "<pad>",
                                           "<sep>", "<mask>", "<cls>"};

std::string text_of(const std::string& line, const std::string& where) {
  if (line.empty() || line[0] != '{') return line;
  const auto object = nlohmann::json::parse(line, nullptr, false);
  if (!object.is_object() || !object.contains("text") || !object["text"].is_string())
    throw InvalidFormat(where + ": expected text, or a JSON object with \"text\"");
  return object.value("title", std::string()) + "\n" + object["text"].get<std::string>();
}

// Every run of the texts and how often it comes, in an order that does not depend on hashing.
std::map<std::string, std::int64_t> count_runs(const TokenizerOptions& options) {
  const auto pattern =
      tokenize::Pattern::regex(options.split_scripts ? kScripts : kDigits, "scripts");
  std::unordered_map<std::string, std::int64_t> counts;
  std::vector<tokenize::Span> spans;
  for (const std::string& path : options.texts) {
    base::LineReader reader(path);
    for (std::string line; reader.next(line);) {
      const std::string text = text::nfkc(text_of(line, reader.where()));
      pattern.find(text, spans);
      for (const tokenize::Span& span : spans) {
        const std::string run = text.substr(span.begin, span.end - span.begin);
        if (run.size() <= kLongestRun && run.find_first_of(" \t\r\n") == std::string::npos)
          ++counts[run];
      }
    }
  }
  return {counts.begin(), counts.end()};
}

// SentencePiece's "tsv" input: a sentence and its count.
void write_runs(const std::map<std::string, std::int64_t>& runs, const std::string& path) {
  if (runs.empty()) throw InvalidFormat("tokenizer: expected text, found none");
  std::ofstream file(path, std::ios::binary);
  for (const auto& [run, count] : runs) file << run << '\t' << count << '\n';
  if (!file.flush()) throw IoError(path + ": cannot write (disk full?)");
}

void run_trainer(const TokenizerOptions& options, const std::string& input,
                 const std::string& prefix) {
  const std::unordered_map<std::string, std::string> settings = {
      {"input", input},
      {"input_format", "tsv"},
      {"model_prefix", prefix},
      {"model_type", "unigram"},
      {"vocab_size", std::to_string(options.vocabulary)},
      {"character_coverage", std::to_string(options.coverage)},
      {"normalization_rule_name", "identity"},
      {"add_dummy_prefix", "false"},
      {"remove_extra_whitespaces", "false"},
      {"byte_fallback", "true"},
      {"unk_id", "0"},
      {"bos_id", "1"},
      {"eos_id", "2"},
      {"pad_id", "3"},
      {"control_symbols", "<sep>,<mask>,<cls>"},
      {"user_defined_symbols", kSpace},
      {"num_threads", std::to_string(options.threads)},
      {"minloglevel", "2"}};
  const auto status = sentencepiece::SentencePieceTrainer::Train(settings);
  if (!status.ok())
    throw InvalidArgument("tokenizer of " + std::to_string(options.vocabulary) +
                          " pieces: " + status.ToString());
}

ordered_json special_tokens() {
  ordered_json tokens = ordered_json::array();
  for (std::size_t id = 0; id < kSpecial.size(); ++id) {
    tokens.push_back({{"id", id},
                      {"content", kSpecial[id]},
                      {"single_word", false},
                      {"lstrip", false},
                      {"rstrip", false},
                      {"normalized", false},
                      {"special", true}});
  }
  return tokens;
}

ordered_json pair_template() {
  const auto special = [](const char* text, int type) {
    return ordered_json{{"SpecialToken", {{"id", text}, {"type_id", type}}}};
  };
  const auto sequence = [](const char* name, int type) {
    return ordered_json{{"Sequence", {{"id", name}, {"type_id", type}}}};
  };
  const auto known = [](const char* text, int id) {
    return ordered_json{
        {"id", text}, {"ids", ordered_json::array({id})}, {"tokens", ordered_json::array({text})}};
  };
  return {{"type", "TemplateProcessing"},
          {"single", {special("<s>", 0), sequence("A", 0), special("</s>", 0)}},
          {"pair",
           {special("<s>", 0), sequence("A", 0), special("</s>", 0), special("<s>", 1),
            sequence("B", 1), special("</s>", 1)}},
          {"special_tokens", {{"<s>", known("<s>", 1)}, {"</s>", known("</s>", 2)}}}};
}

ordered_json tokenizer_json(const sentencepiece::SentencePieceProcessor& pieces, bool scripts) {
  ordered_json vocabulary = ordered_json::array();
  for (int id = 0; id < pieces.GetPieceSize(); ++id)
    vocabulary.push_back(ordered_json::array({pieces.IdToPiece(id), pieces.GetScore(id)}));
  const ordered_json metaspace = {{"type", "Metaspace"},
                                  {"replacement", kSpace},
                                  {"prepend_scheme", "never"},
                                  {"split", false}};
  const ordered_json split = {{"type", "Split"},
                              {"pattern", {{"Regex", scripts ? kScripts : kDigits}}},
                              {"behavior", "Isolated"},
                              {"invert", false}};
  const ordered_json space = {
      {"type", "Replace"}, {"pattern", {{"String", kSpace}}}, {"content", " "}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", special_tokens()},
          {"normalizer", {{"type", "NFKC"}}},
          {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {metaspace, split}}}},
          {"post_processor", pair_template()},
          {"decoder",
           {{"type", "Sequence"},
            {"decoders", {space, {{"type", "ByteFallback"}}, {{"type", "Fuse"}}}}}},
          {"model",
           {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", vocabulary}, {"byte_fallback", true}}}};
}

ordered_json tokenizer_config() {
  return {{"bos_token", "<s>"},       {"clean_up_tokenization_spaces", false},
          {"cls_token", "<cls>"},     {"eos_token", "</s>"},
          {"mask_token", "<mask>"},   {"model_input_names", {"input_ids", "attention_mask"}},
          {"model_max_length", 8192}, {"pad_token", "<pad>"},
          {"sep_token", "<sep>"},     {"tokenizer_class", "PreTrainedTokenizerFast"},
          {"unk_token", "<unk>"}};
}

void write_json(const std::string& path, const ordered_json& value) {
  base::AtomicFile file(path);
  file.write(value.dump(1) + "\n");
  file.commit();
}

}  // namespace

void train_tokenizer(const TokenizerOptions& options, const std::string& output) {
  const std::string work = output + "/training";
  std::error_code error;
  fs::create_directories(work, error);
  if (error) throw IoError(work + ": " + error.message());
  write_runs(count_runs(options), work + "/runs.tsv");
  run_trainer(options, work + "/runs.tsv", work + "/unigram");
  sentencepiece::SentencePieceProcessor pieces;
  const auto status = pieces.Load(work + "/unigram.model");
  if (!status.ok()) throw IoError(work + "/unigram.model: " + status.ToString());
  write_json(output + "/tokenizer_config.json", tokenizer_config());
  write_json(output + "/tokenizer.json", tokenizer_json(pieces, options.split_scripts));
}

}  // namespace narabi::train
