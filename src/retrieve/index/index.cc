#include "narabi/index.h"

#include <mutex>

#include "base/paths.h"
#include "narabi/error.h"
#include "retrieve/index/folder.h"
#include "retrieve/index/merge.h"
#include "retrieve/index/settings.h"
#include "retrieve/index/snapshot.h"

namespace narabi {
namespace {

using namespace retrieve;

constexpr int kAttempts = 50;  // to open segments that a writer keeps replacing

Database::Access access_for(const std::string& folder) {
  // Beside a log that nobody here can take over, only reading through it shows the last commits.
  const bool log = base::exists(folder + "/" + Store::kFile + "-wal");
  return can_write(folder) || log ? Database::Access::kRead : Database::Access::kImmutable;
}

}  // namespace

struct Index::Impl {
  std::string folder;
  IndexSettings settings;
  std::optional<Analysis> analysis;
  std::mutex mutex;
  std::vector<std::unique_ptr<Store>> idle;  // connections that no call uses now
  std::shared_ptr<const Snapshot> latest;

  explicit Impl(const std::string& where) : folder(where) {
    check_index_folder(folder);
    auto store = borrow();
    const Store::Settings stored = store->settings();
    settings = load_settings(stored);
    analysis.emplace(settings);
    check_stamp(stored, analysis->dictionary(), folder);
    idle.push_back(std::move(store));
    with_snapshot([](Store&, const Snapshot&) {});  // what is damaged is said at once
  }

  std::unique_ptr<Store> borrow() {
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        auto store = std::move(idle.back());
        idle.pop_back();
        return store;
      }
    }
    return std::make_unique<Store>(folder, access_for(folder));
  }

  // Runs body in a read transaction, with the segments of the same commit.
  template <typename Body>
  void with_snapshot(Body body) {
    auto store = borrow();
    for (int attempt = 1;; ++attempt) {
      Transaction transaction(store->database(), Transaction::Kind::kRead);
      std::shared_ptr<const Snapshot> snapshot;
      try {
        snapshot = snapshot_of(*store);
      } catch (const IoError&) {
        if (attempt == kAttempts) throw;
        continue;
      }
      body(*store, *snapshot);
      transaction.commit();
      break;
    }
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(store));
  }

  std::shared_ptr<const Snapshot> snapshot_of(Store& store) {
    const std::uint64_t generation = store.counter("generation");
    {
      const std::lock_guard lock(mutex);
      if (latest && latest->generation == generation) return latest;
    }
    auto fresh = load_snapshot(store, folder, settings);
    const std::lock_guard lock(mutex);
    if (!latest || latest->generation < generation) latest = fresh;
    return fresh;
  }
};

Index::Index(const std::string& folder) : impl_(std::make_unique<Impl>(folder)) {}
Index::~Index() = default;
Index::Index(Index&&) noexcept = default;

std::vector<Index::Hit> Index::search(std::string_view query, std::size_t k,
                                      std::string_view filter) const {
  const Terms terms = impl_->analysis->analyze(query);
  std::vector<Hit> hits;
  impl_->with_snapshot([&](Store& store, const Snapshot& snapshot) {
    std::vector<Bitmap> allowed;
    if (!filter.empty()) allowed = allowed_documents(store, snapshot, filter);
    for (const auto& found : snapshot.lexical.search(terms, k, allowed)) {
      auto document = store.get(found.number);
      if (!document)
        throw InvalidFormat(impl_->folder +
                            ": a segment holds a document that the store does not: "
                            "narabi index INDEX rebuild");
      hits.push_back({{std::move(document->id), std::move(document->title),
                       std::move(document->text), std::move(document->metadata)},
                      found.score});
    }
  });
  return hits;
}

std::optional<IndexedDocument> Index::get(std::string_view id) const {
  std::optional<IndexedDocument> out;
  impl_->with_snapshot([&](Store& store, const Snapshot&) {
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
  IndexInfo info{.settings = impl_->settings, .dictionary = impl_->analysis->dictionary()};
  impl_->with_snapshot([&](Store& store, const Snapshot&) {
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
    }
  });
  return info;
}

std::optional<std::vector<Index::Explanation>> Index::explain(std::string_view query,
                                                              std::string_view id) const {
  const Terms terms = impl_->analysis->analyze(query);
  std::optional<std::vector<Explanation>> out;
  impl_->with_snapshot([&](Store& store, const Snapshot& snapshot) {
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
  Store store(folder, access_for(folder));
  for (int attempt = 1;; ++attempt) {
    std::uint64_t generation = 0;
    std::vector<std::string> problems;
    {
      const Transaction transaction(store.database(), Transaction::Kind::kRead);
      generation = store.counter("generation");
      problems = find_problems(store, folder);
    }
    // A writer may have replaced segments meanwhile; then only the next look counts.
    if (problems.empty() || store.counter("generation") == generation || attempt == kAttempts)
      return problems;
  }
}

}  // namespace narabi
