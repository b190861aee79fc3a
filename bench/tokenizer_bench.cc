// Tokens a second on one core, on real text: Kyoto passages (data/kyoto) with JSQuAD questions.
//
//   build/release/bench/tokenizer_bench [FOLDER...] [--benchmark_...]
//
// What: Tokenizer::encode_pair, one thread, a question and its passages as `rerank` hands them
// over. Counted are the ids that come out. Without folders: the starter model, and the tokenizers
// of real size that tools/tokenizers/run.sh train wrote to build/bench/tokenizers, where they are.
// What it is not: a measure of MeCab, which takes nearly all the time of Japanese BERT.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/line_reader.h"
#include "narabi/tokenizer.h"

namespace {

struct Texts {
  std::vector<std::string> questions, passages;
};

Texts read_texts() {
  Texts texts;
  const std::string data = NARABI_SOURCE_DIR "/data/";
  narabi::base::LineReader lines(data + "kyoto/kyoto-sample.jsonl.xz");
  for (std::string line; lines.next(line);)
    texts.passages.push_back(nlohmann::json::parse(line)["text"]);
  const auto jsquad =
      nlohmann::json::parse(narabi::base::read_file(data + "jsquad/jsquad-valid-v1.3.json.xz"));
  for (const auto& article : jsquad["data"]) {
    for (const auto& paragraph : article["paragraphs"]) {
      texts.questions.push_back(paragraph["qas"][0]["question"]);
      texts.passages.push_back(paragraph["context"]);
    }
  }
  return texts;
}

void encode_pairs(benchmark::State& state, const std::string& folder, const Texts& texts) {
  const narabi::Tokenizer tokenizer(folder);
  constexpr int kPassagesOfAQuestion = 100, kNoLimit = 1 << 20;
  std::int64_t tokens = 0, bytes = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < texts.passages.size(); ++i) {
      const std::string& question =
          texts.questions[i / kPassagesOfAQuestion % texts.questions.size()];
      const narabi::Encoding encoding =
          tokenizer.encode_pair(question, texts.passages[i], kNoLimit);
      tokens += static_cast<std::int64_t>(encoding.input_ids.size());
      bytes += static_cast<std::int64_t>(texts.passages[i].size());
    }
  }
  state.counters["tokens/s"] =
      benchmark::Counter(static_cast<double>(tokens), benchmark::Counter::kIsRate);
  state.counters["bytes/s"] =
      benchmark::Counter(static_cast<double>(bytes), benchmark::Counter::kIsRate);
  state.SetLabel(tokenizer.description() + ", " + std::to_string(tokenizer.vocabulary_size()) +
                 " ids");
}

void load(benchmark::State& state, const std::string& folder) {
  for (auto _ : state) benchmark::DoNotOptimize(narabi::Tokenizer(folder).vocabulary_size());
}

std::vector<std::string> default_folders() {
  std::vector<std::string> folders = {NARABI_SOURCE_DIR "/models/prototype-modernbert-6l"};
  const std::string trained = NARABI_SOURCE_DIR "/build/bench/tokenizers/";
  for (const char* name : {"xlmr", "modernbert", "bert-japanese"}) {
    if (std::filesystem::exists(trained + name)) folders.push_back(trained + name);
  }
  return folders;
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  std::vector<std::string> folders(argv + 1, argv + argc);
  if (folders.empty()) folders = default_folders();
  const Texts texts = read_texts();
  for (const std::string& folder : folders) {
    const std::string name = std::filesystem::path(folder).filename().string();
    benchmark::RegisterBenchmark(("encode_pairs/" + name).c_str(), encode_pairs, folder, texts)
        ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(("load/" + name).c_str(), load, folder)
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
