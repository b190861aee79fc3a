#include "narabi/index.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <set>

#include "base/paths.h"
#include "base/utf8.h"
#include "narabi/error.h"
#include "retrieve/dense/embedding.h"
#include "retrieve/fusion.h"
#include "retrieve/index/folder.h"
#include "retrieve/index/merge.h"
#include "retrieve/index/settings.h"
#include "retrieve/index/snapshot.h"
#include "retrieve/index/vectors.h"

namespace narabi {
namespace {

using namespace retrieve;

using Clock = std::chrono::steady_clock;

// Adds what the parts of a search take to `out`, one after the other.
class Lap {
 public:
  void end(double& out) {
    const auto now = Clock::now();
    out += std::chrono::duration<double, std::milli>(now - start_).count();
    start_ = now;
  }

 private:
  Clock::time_point start_ = Clock::now();
};

constexpr int kAttempts = 50;  // to open segments that a writer keeps replacing

std::vector<Fused> fused(const std::vector<RankedNumber>& bm25,
                         const std::vector<RankedNumber>& dense, const SearchOptions& options) {
  std::vector<Fused> hits = unite(bm25, dense);
  if (options.retriever != Retriever::kHybrid) {
    for (Fused& hit : hits)
      hit.score = options.retriever == Retriever::kBm25 ? hit.bm25 : hit.dense;
  } else if (options.fusion == Fusion::kRank) {
    fuse_by_rank(hits, options.rrf_k);
  } else {
    fuse_by_score(hits, options.dense_weight);
  }
  return hits;
}

std::vector<Index::Hit> stored_hits(Store& store, const std::string& folder,
                                    const std::vector<Fused>& found) {
  std::vector<Index::Hit> hits;
  for (const Fused& hit : found) {
    auto document = store.get(hit.number);
    if (!document) {
      throw InvalidFormat(folder +
                          ": a segment holds a document that the store does not: narabi index "
                          "INDEX rebuild");
    }
    hits.push_back({{std::move(document->id), std::move(document->title), std::move(document->text),
                     std::move(document->metadata)},
                    hit.score,
                    hit.bm25,
                    hit.dense,
                    hit.bm25_rank,
                    hit.dense_rank});
  }
  return hits;
}

SearchTimes of_one(SearchTimes times, double queries) {
  for (double* part :
       {&times.analyze, &times.bm25, &times.embed, &times.dense, &times.fusion, &times.fetch})
    *part /= queries;
  return times;
}

}  // namespace

struct Index::Impl {
  std::string folder;
  IndexSettings settings;
  std::optional<Analysis> analysis;
  std::mutex mutex;
  std::vector<std::unique_ptr<Store>> idle;  // connections that no call uses now
  std::shared_ptr<const Snapshot> latest;
  std::string embedder_folder;
  Store::Settings stored;
  std::mutex dense_mutex;  // of the two below, which are loaded when first needed
  std::unique_ptr<Embedder> embedder;
  std::map<std::string, std::shared_ptr<const Ann>> anns;  // by file

  Impl(const std::string& where, const std::string& wanted)
      : folder(where), embedder_folder(wanted) {
    check_index_folder(folder);
    std::unique_ptr<Store> store;
    do {
      store = borrow();
      stored = store->settings();
    } while (store->database().overtaken());
    settings = load_settings(stored);
    analysis.emplace(settings);
    check_stamp(stored, analysis->dictionary(), folder);
    idle.push_back(std::move(store));
    with_snapshot([](Store&, const Snapshot&) {});  // what is damaged is said at once
  }

  std::unique_ptr<Store> borrow() {
    {
      const std::lock_guard lock(mutex);
      while (!idle.empty()) {
        auto store = std::move(idle.back());
        idle.pop_back();
        if (!store->database().overtaken()) return store;
      }
    }
    return std::make_unique<Store>(folder, Database::Access::kRead);
  }

  // Runs body in a read transaction, with the segments of the same commit; from the start again
  // where a writer came between. dense: with the approximate index in memory.
  template <typename Body>
  void with_snapshot(Body body, bool dense = false) {
    for (int attempt = 1;; ++attempt) {
      auto store = borrow();
      bool all_open = false;
      try {
        Transaction transaction(store->database(), Transaction::Kind::kRead);
        const auto snapshot = snapshot_of(*store);
        if (dense) ann_of(*snapshot);
        all_open = true;
        body(*store, *snapshot);
        transaction.commit();
        check_current(*store);
      } catch (const Error& error) {
        const bool gone = !all_open && error.code() == ErrorCode::kIo;
        if (attempt == kAttempts || !(gone || store->database().overtaken())) throw;
        continue;
      }
      const std::lock_guard lock(mutex);
      idle.push_back(std::move(store));
      return;
    }
  }

  void check_current(const Store& store) const {
    if (store.database().overtaken())
      throw IoError(folder + ": a writer keeps changing the index while it is read: try again");
  }

  std::vector<float> embed(std::string_view query) {
    {
      const std::lock_guard lock(dense_mutex);
      if (!embedder) embedder = load_embedder(stored, embedder_folder, folder, 0);
    }
    return embed_query(*embedder, query);
  }

  // Null when the snapshot has none. The newest is kept.
  std::shared_ptr<const Ann> ann_of(const Snapshot& snapshot) {
    if (!snapshot.ann) return nullptr;
    const std::lock_guard lock(dense_mutex);
    const auto found = anns.find(snapshot.ann->file);
    if (found == anns.end()) {
      const std::string path = segment_path(folder, snapshot.ann->file);
      if (!base::exists(path)) throw IoError(path + ": cannot open: it is gone");
      std::shared_ptr<const Ann> fresh = Ann::load(path);
      anns.clear();
      anns[snapshot.ann->file] = fresh;
      return fresh;
    }
    return found->second;
  }

  // A ranking for each of the queries.
  std::vector<std::vector<RankedNumber>> dense_arm(const Snapshot& snapshot,
                                                   std::span<const std::vector<float>> queries,
                                                   const SearchOptions& options,
                                                   std::span<const Bitmap> allowed) {
    std::vector<std::vector<RankedNumber>> rankings(queries.size());
    if (snapshot.vectors.empty()) return rankings;
    const auto ann = options.exact ? nullptr : ann_of(snapshot);
    SearchOptions noted = options;
    if (options.nprobe == 0) noted.nprobe = snapshot.noted.nprobe;
    if (options.refine == 0) noted.refine = snapshot.noted.refine;
    std::vector<float> rows;
    for (const auto& query : queries) rows.insert(rows.end(), query.begin(), query.end());
    const auto hits = search_vectors(snapshot, ann.get(), rows, queries.size(), noted, allowed);
    for (std::size_t i = 0; i < hits.size(); ++i) {
      for (const VectorHit& hit : hits[i]) rankings[i].push_back({hit.number, hit.score});
    }
    return rankings;
  }

  std::vector<RankedNumber> lexical_arm(const Snapshot& snapshot, const Terms& terms,
                                        const SearchOptions& options,
                                        std::span<const Bitmap> allowed) {
    std::vector<RankedNumber> ranking;
    for (const auto& hit : snapshot.lexical.search(terms, options.candidates, allowed))
      ranking.push_back({hit.number, hit.score});
    return ranking;
  }

  std::shared_ptr<const Snapshot> snapshot_of(Store& store) {
    const std::uint64_t generation = store.counter("generation");
    {
      const std::lock_guard lock(mutex);
      if (latest && latest->generation == generation) return latest;
    }
    auto fresh = load_snapshot(store, folder, settings);
    check_current(store);  // before others see it
    const std::lock_guard lock(mutex);
    if (!latest || latest->generation < generation) latest = fresh;
    return fresh;
  }
};

Index::Index(const std::string& folder, const std::string& embedder)
    : impl_(std::make_unique<Impl>(folder, embedder)) {}
Index::~Index() = default;
Index::Index(Index&&) noexcept = default;

std::vector<Index::Hit> Index::search(std::string_view query, const SearchOptions& options,
                                      SearchTimes* times) const {
  return std::move(search(std::span(&query, 1), options, times).front());
}

std::vector<std::vector<Index::Hit>> Index::search(std::span<const std::string_view> queries,
                                                   const SearchOptions& options,
                                                   SearchTimes* times) const {
  if (queries.empty()) return {};
  const bool has_bm25 = options.retriever != Retriever::kDense;
  const bool has_dense = options.retriever != Retriever::kBm25;
  SearchTimes spent;
  Lap lap;
  std::vector<Terms> terms(queries.size());
  std::vector<std::vector<float>> vectors;
  if (has_bm25) {
    for (std::size_t i = 0; i < queries.size(); ++i)
      terms[i] = impl_->analysis->analyze_query(queries[i]);
    lap.end(spent.analyze);
  }
  if (has_dense) {
    for (const std::string_view query : queries) vectors.push_back(impl_->embed(query));
    lap.end(spent.embed);
  }
  std::vector<std::vector<Hit>> hits(queries.size());
  const auto find = [&](Store& store, const Snapshot& snapshot) {
    Lap part;
    std::vector<Bitmap> allowed;
    if (!options.filter.empty()) allowed = allowed_documents(store, snapshot, options.filter);
    std::vector<std::vector<RankedNumber>> bm25(queries.size()), dense(queries.size());
    if (has_bm25) {  // the filter's time is of the arm that comes first
      for (std::size_t i = 0; i < queries.size(); ++i)
        bm25[i] = impl_->lexical_arm(snapshot, terms[i], options, allowed);
      part.end(spent.bm25);
    }
    if (has_dense) {
      dense = impl_->dense_arm(snapshot, vectors, options, allowed);
      part.end(spent.dense);
    }
    for (std::size_t i = 0; i < queries.size(); ++i) {
      const std::vector<Fused> all = fused(bm25[i], dense[i], options);
      part.end(spent.fusion);
      hits[i] = stored_hits(store, impl_->folder, all);
      part.end(spent.fetch);
    }
  };
  impl_->with_snapshot(find, has_dense && !options.exact);
  if (times != nullptr) *times = of_one(spent, static_cast<double>(queries.size()));
  return hits;
}

namespace {

constexpr std::size_t kQueryCharacters = 24;  // of a document: as long as a short question
constexpr double kAsGoodAsAll = 0.9995;       // recall@100 at which more lists are not tried

// Parts of documents spread over the collection.
std::vector<std::string> sample_queries(Store& store, std::size_t wanted) {
  std::vector<std::string> queries;
  const std::uint64_t end = store.counter("next_number");
  for (std::size_t i = 0; i < wanted; ++i) {
    store.for_each(static_cast<std::uint32_t>(end * i / wanted), 1,
                   [&](const StoredDocument& document, std::uint64_t) {
                     const std::u32string text = base::to_utf32(document.text);
                     queries.push_back(base::to_utf8(
                         std::u32string_view(text).substr(text.size() / 3, kQueryCharacters)));
                   });
  }
  return queries;
}

double share_found(const std::vector<RankedNumber>& exact, const std::vector<RankedNumber>& found,
                   std::size_t k) {
  std::set<std::uint32_t> numbers;
  for (std::size_t i = 0; i < std::min(k, exact.size()); ++i) numbers.insert(exact[i].number);
  const std::size_t all = numbers.size();
  std::size_t hits = 0;
  for (std::size_t i = 0; i < std::min(k, found.size()); ++i)
    hits += numbers.count(found[i].number);
  return all == 0 ? 1 : static_cast<double>(hits) / static_cast<double>(all);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

std::vector<Index::Recall> Index::check_recall(std::size_t count) const {
  const auto ms_since = [](Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  };
  std::vector<Recall> table;
  impl_->with_snapshot([&](Store& store, const Snapshot& snapshot) {
    table.clear();
    if (store.counter("documents") == 0)
      throw InvalidArgument(impl_->folder +
                            ": expected documents to take parts of as queries, found none");
    const auto ann = impl_->ann_of(snapshot);
    if (!ann)
      throw InvalidArgument(impl_->folder +
                            ": the index has no approximate vector index: search is "
                            "exact; make one by --dense IVF...,PQ...");
    std::vector<std::vector<float>> vectors;
    for (const std::string& query : sample_queries(store, count))
      vectors.push_back(impl_->embed(query));
    SearchOptions everything;
    everything.exact = true;
    const auto start = Clock::now();
    const auto exact = impl_->dense_arm(snapshot, vectors, everything, {});
    const double exact_ms = ms_since(start) / static_cast<double>(vectors.size());
    const std::size_t lists = std::max<std::size_t>(ann->lists(), 1);
    for (std::size_t nprobe = std::min<std::size_t>(4, lists);; nprobe *= 2) {
      nprobe = std::min(nprobe, lists);
      for (const double refine : {1.0, 2.0, 4.0, 8.0, 16.0, 32.0}) {
        Recall row{.nprobe = nprobe, .refine = refine, .exact_ms = exact_ms};
        SearchOptions options;
        options.nprobe = nprobe;
        options.refine = refine;
        std::vector<double> times;
        const auto share = 1 / static_cast<double>(vectors.size());
        for (std::size_t i = 0; i < vectors.size(); ++i) {
          const auto begin = Clock::now();
          const auto found = impl_->dense_arm(snapshot, std::span(&vectors[i], 1), options, {})[0];
          times.push_back(ms_since(begin));
          row.recall_10 += share * share_found(exact[i], found, 10);
          row.recall_100 += share * share_found(exact[i], found, 100);
        }
        row.ms = median(times);
        table.push_back(row);
      }
      if (nprobe == lists || table.back().recall_100 >= kAsGoodAsAll) break;
    }
  });
  return table;
}

std::optional<IndexedDocument> Index::get(std::string_view id) const {
  std::optional<IndexedDocument> out;
  impl_->with_snapshot([&](Store& store, const Snapshot&) {
    out.reset();
    const auto version = store.find(id);
    if (!version) return;
    auto document = store.get(version->number);
    if (document)
      out = IndexedDocument{std::move(document->id), std::move(document->title),
                            std::move(document->text), std::move(document->metadata)};
  });
  return out;
}

IndexInfo Index::info() const {
  IndexInfo info;
  impl_->with_snapshot([&](Store& store, const Snapshot&) {
    info = {};
    info.settings = impl_->settings;
    info.dictionary = impl_->analysis->dictionary();
    info.documents = store.counter("documents");
    info.generation = store.counter("generation");
    info.deleted = store.tombstones(0, ~0u >> 1).size();
    Statement pages = store.database().prepare(
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
    pages.step();
    info.bytes = static_cast<std::uint64_t>(pages.integer(0));
    for (const SegmentRecord& record : store.segments()) {
      ++info.segments;
      info.bytes += record.bytes;
      if (record.kind == "vectors") info.vectors += record.documents;
      if (record.kind == "faiss") info.approximate += record.documents;
    }
    const Store::Settings settings = store.settings();
    if (const auto found = settings.find("embedder"); found != settings.end()) {
      info.embedder = found->second;
      info.dense = settings.at("dense");
      info.prompts = stored_prompts(settings);
      info.dimension = std::stoi(settings.at("dimension"));
      const NotedSearch noted = noted_search(settings);
      info.nprobe = noted.nprobe;
      info.refine = noted.refine;
    }
  });
  return info;
}

std::optional<std::vector<Index::Explanation>> Index::explain(std::string_view query,
                                                              std::string_view id) const {
  const Terms terms = impl_->analysis->analyze_query(query);
  std::optional<std::vector<Explanation>> out;
  impl_->with_snapshot([&](Store& store, const Snapshot& snapshot) {
    out.reset();
    const auto version = store.find(id);
    if (!version) return;
    out.emplace();
    for (const auto& part : snapshot.lexical.explain(terms, version->number)) {
      out->push_back({part.term.text.substr(1), part.term.field == kWords, part.term.count,
                      part.frequency, part.term.documents, part.score});
    }
  });
  return out;
}

std::vector<std::string> verify_index(const std::string& folder) {
  check_index_folder(folder);
  for (int attempt = 1;; ++attempt) {
    Store store(folder, Database::Access::kRead);
    std::uint64_t generation = 0;
    std::vector<std::string> problems;
    {
      const Transaction transaction(store.database(), Transaction::Kind::kRead);
      generation = store.counter("generation");
      problems = find_problems(store, folder);
    }
    // A writer may have replaced segments meanwhile; then only the next look counts.
    const bool overtaken = store.database().overtaken();
    const bool same = !overtaken && store.counter("generation") == generation;
    if ((problems.empty() && !overtaken) || same || attempt == kAttempts) return problems;
  }
}

}  // namespace narabi
