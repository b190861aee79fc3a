// narabi's side of bench/peers: holds a loaded reranker and scores the benchmark's pairs when
// asked.
//
//   peers_narabi_worker --model DIR --data DIR --threads 2 --precision int8
//
// DIR/WORKLOAD.jsonl holds {"query", "passage"} a line. A request is a line {"workload", "batch",
// "pairs"} on stdin; the answer a line {"seconds", "each", "logits"} on stdout. From text to
// logits: unlike the peers, whose token ids are ready made, narabi tokenises inside the clock.
#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/line_reader.h"
#include "cli/model_options.h"
#include "narabi/error.h"
#include "narabi/reranker.h"

namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

struct OwnedPair {
  std::string query, passage;
};

std::vector<OwnedPair> read_pairs(const std::string& path) {
  std::vector<OwnedPair> pairs;
  narabi::base::LineReader lines(path);
  for (std::string line; lines.next(line);) {
    const json pair = json::parse(line);
    pairs.push_back({pair["query"], pair["passage"]});
  }
  return pairs;
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// `count` pairs spread evenly over all, as worker.py chooses them.
json answer(const narabi::Reranker& reranker, const std::vector<OwnedPair>& owned,
            std::size_t count, std::size_t batch) {
  std::vector<narabi::Pair> pairs;
  for (std::size_t i = 0; i < count; ++i) {
    const OwnedPair& pair = owned[i * owned.size() / count];
    pairs.push_back({pair.query, pair.passage});
  }
  std::vector<double> each;
  std::vector<float> logits;
  const auto start = Clock::now();
  for (std::size_t begin = 0; begin < pairs.size(); begin += batch) {
    const auto request_start = Clock::now();
    const auto part = std::span(pairs).subspan(begin, std::min(batch, pairs.size() - begin));
    for (const narabi::Score& score : reranker.score(part)) logits.push_back(score.logit);
    each.push_back(seconds_since(request_start));
  }
  return {{"seconds", seconds_since(start)}, {"each", each}, {"logits", logits}};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("narabi's worker of bench/peers");
  std::string model, data;
  narabi::cli::ModelFlags flags;
  app.add_option("--model", model)->required();
  app.add_option("--data", data)->required();
  flags.add_to(app);
  CLI11_PARSE(app, argc, argv);
  try {
    const narabi::Reranker reranker(model, flags.options());
    std::map<std::string, std::vector<OwnedPair>> workloads;
    std::cout << json{{"ready", true}}.dump() << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
      const json request = json::parse(line);
      const std::string workload = request["workload"];
      if (!workloads.contains(workload))
        workloads[workload] = read_pairs(data + "/" + workload + ".jsonl");
      std::cout << answer(reranker, workloads[workload], request["pairs"], request["batch"]).dump()
                << std::endl;
    }
  } catch (const std::exception& error) {
    std::cerr << "peers_narabi_worker: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
