#include "golden_files.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "base/line_reader.h"

namespace narabi::golden {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::vector<std::string> folders_with(const char* file) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(root())) {
    if (fs::exists(entry.path() / file)) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

template <typename Body>
void for_each_line(const std::string& path, Body body) {
  base::LineReader lines(path);
  for (std::string line; lines.next(line);) body(json::parse(line));
}

}  // namespace

std::string root() {
  return NARABI_SOURCE_DIR "/tests/golden";
}
std::vector<std::string> rerankers() {
  return folders_with("golden.jsonl.xz");
}
std::vector<std::string> embedders() {
  return folders_with("embed.jsonl.xz");
}

std::vector<GoldenPair> read_pairs() {
  std::vector<GoldenPair> pairs;
  for_each_line(root() + "/pairs.jsonl.xz", [&](const json& line) {
    pairs.push_back({line["query"], line["passage"]});
  });
  return pairs;
}

const std::vector<Golden>& read_goldens(const std::string& name) {
  static std::map<std::string, std::vector<Golden>> known;
  std::vector<Golden>& goldens = known[name];
  if (!goldens.empty()) return goldens;
  for_each_line(root() + "/" + name + "/golden.jsonl.xz", [&](const json& line) {
    Golden golden;
    golden.pair = line["pair"];
    golden.max_length = line["max_length"];
    golden.truncation =
        line["truncation"] == "only_second" ? Truncation::kOnlySecond : Truncation::kLongestFirst;
    golden.encoding.input_ids = line["input_ids"].get<std::vector<std::int32_t>>();
    if (line.contains("token_type_ids")) {
      golden.encoding.token_type_ids = line["token_type_ids"].get<std::vector<std::int32_t>>();
    }
    golden.encoding.truncated = line["truncated"];
    golden.logit = line["logit"];
    goldens.push_back(std::move(golden));
  });
  return goldens;
}

std::vector<GoldenVector> read_vectors(const std::string& name) {
  std::vector<GoldenVector> vectors;
  for_each_line(root() + "/" + name + "/embed.jsonl.xz", [&](const json& line) {
    vectors.push_back({line["text"],
                       line["prompt"].is_null() ? "" : line["prompt"].get<std::string>(),
                       line["vector"].get<std::vector<float>>()});
  });
  return vectors;
}

std::vector<GoldenScore> read_scores(const std::string& name) {
  std::vector<GoldenScore> scores;
  const std::string path = root() + "/" + name + "/cross_encoder.jsonl.xz";
  if (!fs::exists(path)) return scores;
  for_each_line(path, [&](const json& line) { scores.push_back({line["pair"], line["score"]}); });
  return scores;
}

}  // namespace narabi::golden
