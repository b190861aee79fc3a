#include "cli/reproduce_stages.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/interrupt.h"
#include "cli/progress.h"
#include "data/readers.h"
#include "narabi/embedder.h"
#include "narabi/error.h"
#include "narabi/search.h"
#include "retrieve/dense/embedding.h"

namespace narabi::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string last_name(const std::string& folder) {
  const fs::path path = fs::path(folder).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

// Where an index is built: below --index, or in a folder that is gone at the end.
class Place {
 public:
  Place(const std::string& kept, const std::string& name) {
    if (!kept.empty()) {
      fs::create_directories(kept);
      path_ = (fs::path(kept) / name).string();
      return;
    }
    std::string pattern = (fs::temp_directory_path() / "narabi-reproduce-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      throw IoError(pattern + ": cannot make a folder for the index");
    temporary_ = pattern;
    path_ = pattern + "/index";
  }
  ~Place() {
    std::error_code ignored;
    if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_, temporary_;
};

void build(const std::string& folder, const std::string& embedder, const ReproduceOptions& options,
           const std::optional<IndexSettings>& settings,
           const std::function<void(IndexWriter&)>& fill) {
  WriterOptions writer_options;
  writer_options.embedder = embedder;
  if (!embedder.empty()) writer_options.prompts = options.prompts;
  if (!embedder.empty()) writer_options.dense = options.dense;
  IndexWriter writer(folder, settings, writer_options);
  fill(writer);
  writer.commit();
  const IndexWriter::Counts counts = writer.counts();
  const std::uint64_t filled = counts.added + counts.updated + counts.unchanged;
  if (writer.documents() > filled) {
    throw InvalidArgument(
        fmt::format("{}: expected an index of these {} passages alone, found {}: name another "
                    "folder by --index",
                    folder, filled, writer.documents()));
  }
  writer.compact();
  writer.train();
}

std::string section_of(const IndexedDocument& document) {
  if (document.metadata.empty()) return {};
  const auto metadata = nlohmann::json::parse(document.metadata);
  const auto found = metadata.find("section");
  return found != metadata.end() && found->is_string() ? found->get<std::string>() : "";
}

Stage search_all(ReproduceTask& task, const Index& index, const std::string& name,
                 Retriever retriever, const ReproduceOptions& options) {
  SearchOptions search;
  search.retriever = retriever;
  search.candidates = options.deepest();
  search.nprobe = options.nprobe;
  Stage stage{.name = name,
              .blend_key = retriever == Retriever::kDense ? "dense" : "bm25",
              .candidates = {}};
  Progress progress(name, task.queries.size(), options.progress);
  for (const auto& query : task.queries) {
    check_interrupt();
    const auto start = Clock::now();
    std::vector<Index::Hit> hits = index.search(query.text, search);
    stage.seconds += seconds_since(start);
    hits.resize(std::min(hits.size(), options.deepest()));
    auto& ranking = stage.candidates.emplace_back();
    for (Index::Hit& hit : hits) {
      const std::string section = section_of(hit.document);
      ranking.emplace_back(
          task.passages.add({std::move(hit.document.id), std::move(hit.document.title), section,
                             std::move(hit.document.text)}),
          retriever == Retriever::kDense ? hit.dense : hit.bm25);
    }
    progress.add(1);
  }
  return stage;
}

void add_lexical_parts(ReproduceTask& task, const ReproduceOptions& options,
                       const std::function<void(IndexWriter&)>& fill) {
  struct {
    const char *name, *folder;
    IndexSettings settings;
  } const kinds[] = {{"BM25, words", "words", {.bigrams = false}},
                     {"BM25, bigrams", "bigrams", {.words = false}}};
  for (const auto& kind : kinds) {
    const Place place(options.index, kind.folder);
    build(place.path(), "", options, kind.settings, fill);
    Stage stage = search_all(task, Index(place.path()), kind.name, Retriever::kBm25, options);
    stage.reranked = false;
    task.stages.push_back(std::move(stage));
  }
}

// Those of a set that BM25 finds, best first, then the others as they stand.
std::vector<std::pair<std::size_t, double>> bm25_order(const ReproduceTask& task,
                                                       const std::string& query,
                                                       const std::vector<std::size_t>& set) {
  std::vector<Document> documents;
  for (const std::size_t passage : set) {
    const auto& found = task.passages[passage];
    documents.push_back({found.id, found.title, found.text});
  }
  std::vector<std::pair<std::size_t, double>> ranking;
  std::vector<bool> seen(set.size());
  for (const Hit& hit : LexicalIndex(std::move(documents)).search(query, set.size())) {
    ranking.emplace_back(set[hit.document], hit.score);
    seen[hit.document] = true;
  }
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (!seen[i]) ranking.emplace_back(set[i], 0.0);
  }
  return ranking;
}

std::vector<std::pair<std::size_t, double>> dense_order(const ReproduceTask& task,
                                                        const Embedder& embedder,
                                                        const std::string& query,
                                                        const std::vector<std::size_t>& set) {
  std::vector<std::string> texts;
  for (const std::size_t passage : set) texts.push_back(passage_text(task, passage));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const std::vector<float> asked = retrieve::embed_query(embedder, query);
  const std::vector<float> vectors = retrieve::embed_passages(embedder, views);
  std::vector<std::pair<std::size_t, double>> ranking;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const float* row = vectors.data() + i * asked.size();
    ranking.emplace_back(set[i], std::inner_product(asked.begin(), asked.end(), row, 0.0));
  }
  std::stable_sort(ranking.begin(), ranking.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return ranking;
}

template <typename Order>
void add_set_stage(ReproduceTask& task, const ReproduceOptions& options, const std::string& name,
                   const char* blend_key, const std::vector<std::vector<std::size_t>>& sets,
                   Order order) {
  Stage stage{.name = name, .blend_key = blend_key, .candidates = {}};
  Progress progress(name, sets.size(), options.progress);
  const auto start = Clock::now();
  for (std::size_t q = 0; q < sets.size(); ++q) {
    check_interrupt();
    stage.candidates.push_back(order(task.queries[q].text, sets[q]));
    progress.add(1);
  }
  stage.seconds = seconds_since(start);
  task.stages.push_back(std::move(stage));
}

}  // namespace

void add_index_stages(ReproduceTask& task, const ReproduceOptions& options,
                      const std::function<void(IndexWriter&)>& fill) {
  if (options.lexical_parts) add_lexical_parts(task, options, fill);
  std::vector<std::string> embedders = options.embedders;
  if (embedders.empty()) embedders.emplace_back();
  bool first = true;
  for (const std::string& embedder : embedders) {
    const std::string name = last_name(embedder);
    const Place place(options.index, embedder.empty() ? "bm25" : name);
    build(place.path(), embedder, options, std::nullopt, fill);
    const Index index(place.path(), embedder);
    const auto add = [&](const std::string& stage, Retriever retriever) {
      task.stages.push_back(search_all(task, index, stage, retriever, options));
    };
    if (std::exchange(first, false)) add("BM25, words + bigrams", Retriever::kBm25);
    if (embedder.empty()) continue;
    add(name, Retriever::kDense);
    add("BM25 + " + name, Retriever::kHybrid);
  }
}

void add_set_stages(ReproduceTask& task, const ReproduceOptions& options,
                    const std::vector<std::vector<std::size_t>>& sets) {
  add_set_stage(task, options, "BM25 within each set", "bm25", sets,
                [&](const std::string& query, const std::vector<std::size_t>& set) {
                  return bm25_order(task, query, set);
                });
  for (const std::string& folder : options.embedders) {
    const Embedder embedder(folder, {}, options.prompts);
    add_set_stage(task, options, last_name(folder), "dense", sets,
                  [&](const std::string& query, const std::vector<std::size_t>& set) {
                    return dense_order(task, embedder, query, set);
                  });
  }
}

}  // namespace narabi::cli
