#include <algorithm>
#include <filesystem>
#include <limits>
#include <unordered_map>

#include "base/cpu.h"
#include "base/thread_pool.h"
#include "narabi/error.h"
#include "narabi/index.h"
#include "retrieve/dense/embedding.h"
#include "retrieve/index/analysis.h"
#include "retrieve/index/folder.h"
#include "retrieve/index/merge.h"
#include "retrieve/index/settings.h"
#include "retrieve/index/vectors.h"

namespace narabi {
namespace {

using namespace retrieve;

constexpr std::size_t kBytesPerTextByte = 12;  // of memory, while a batch is analysed
constexpr std::uint64_t kMostDocuments = std::numeric_limits<std::int32_t>::max();

// What is to happen to an id at the next commit.
struct Pending {
  IndexedDocument document;
  bool erased = false;
};

}  // namespace

struct IndexWriter::Impl {
  std::string folder;
  WriterOptions options;
  std::optional<WriterLock> lock;
  std::optional<Store> store;
  IndexSettings settings;
  base::ThreadPool pool;
  std::optional<Analysis> analysis;
  std::vector<Pending> pending;
  std::unordered_map<std::string, std::size_t> position;  // in pending, by id
  std::size_t pending_bytes = 0;
  Counts counts;
  bool stamp_checked = false, has_dense = false;
  std::unique_ptr<Embedder> embedder;

  Impl(const std::string& where, const std::optional<IndexSettings>& wanted,
       const WriterOptions& given)
      : folder(where),
        options(given),
        pool(given.threads > 0 ? given.threads : base::available_cores()) {
    if (wanted) check_settings(*wanted);
    make_index_folder(folder);
    lock.emplace(folder);
    store.emplace(folder, Database::Access::kWrite);
    sync_folder(folder);
    if (store->settings().empty()) {
      settings = wanted.value_or(IndexSettings{});
      analysis.emplace(settings);
      Transaction transaction(store->database(), Transaction::Kind::kWrite);
      store_settings(*store, settings, analysis->dictionary());
      transaction.commit();
    } else {
      settings = load_settings(store->settings());
      if (wanted) check_same(settings, *wanted, folder);
    }
    open_dense();
    std::set<std::string> known;
    for (const SegmentRecord& record : store->segments()) known.insert(record.file);
    drop_orphans(folder, known);
  }

  // A dense arm that was asked for is noted. An embedder that was not named is loaded when there is
  // something to embed.
  void open_dense() {
    const Store::Settings stored = store->settings();
    const bool noted = stored.contains("embedder");
    has_dense = noted || !options.embedder.empty();
    if (!has_dense && !options.dense.empty())
      throw InvalidArgument("--dense " + options.dense + ": " + folder +
                            ": the index has no vectors: name what makes them by --embedder DIR");
    if (!options.embedder.empty()) need_embedder();
    if (noted && !options.dense.empty() && stored.at("dense") != options.dense)
      set_factory(options.dense);
    if (noted || !has_dense) return;
    const std::string factory = options.dense.empty() ? "Flat" : options.dense;
    check_factory(factory, embedder->dimension());
    Transaction transaction(store->database(), Transaction::Kind::kWrite);
    store_embedder(*store, options.embedder, *embedder);
    store->set("dense", factory);
    transaction.commit();
  }

  // Another approximate index over the same vectors.
  void set_factory(const std::string& factory) {
    check_factory(factory, std::stoi(store->settings().at("dimension")));
    const auto old = segments_of(*store, "faiss");
    Transaction transaction(store->database(), Transaction::Kind::kWrite);
    store->set("dense", factory);
    store_noted(*store, {});
    for (const SegmentRecord& record : old) store->remove(record);
    next_generation();
    transaction.commit();
    remove_files(old);
  }

  void note_search(std::size_t nprobe, double refine) {
    Transaction transaction(store->database(), Transaction::Kind::kWrite);
    store_noted(*store, {.nprobe = nprobe, .refine = refine});
    next_generation();
    transaction.commit();
  }

  void need_embedder() {
    if (!embedder)
      embedder = load_embedder(store->settings(), options.embedder, folder, options.threads,
                               options.prompts);
  }

  // Documents that came before the dense arm, or whose vectors were damaged: batch by batch, so
  // that a crash costs one.
  void embed_missing() {
    const auto have = embedded_numbers(folder, segments_of(*store, "vectors"));
    const std::size_t missing = documents() - std::min<std::size_t>(documents(), have.size());
    std::vector<StoredDocument> batch;
    std::size_t embedded = 0;
    for (std::uint32_t from = 0;;) {
      batch.clear();
      std::uint32_t seen = from;
      bool any = false;
      store->for_each(from, options.batch, [&](StoredDocument document, std::uint64_t) {
        seen = document.number + 1;
        any = true;
        if (!std::binary_search(have.begin(), have.end(), document.number))
          batch.push_back(std::move(document));
      });
      if (!any) return;
      from = seen;
      if (batch.empty()) continue;
      const SegmentRecord record = embed(batch);
      Transaction transaction(store->database(), Transaction::Kind::kWrite);
      store->add(record);
      next_generation();
      transaction.commit();
      embedded += batch.size();
      if (options.progress) options.progress("documents embedded", embedded, missing);
    }
  }

  SegmentRecord embed(const std::vector<StoredDocument>& documents) {
    need_embedder();
    const SegmentRecord record =
        write_vector_segment(folder, new_file("vectors"), *embedder, documents);
    sync_folder(segments_folder(folder));
    return record;
  }

  void need_analysis() {
    if (!analysis) analysis.emplace(settings);
    if (!stamp_checked) check_stamp(store->settings(), analysis->dictionary(), folder);
    stamp_checked = true;
  }

  bool add(Pending operation, std::size_t bytes) {
    const auto [found, fresh] = position.try_emplace(operation.document.id, pending.size());
    pending_bytes += bytes;
    if (fresh) {
      pending.push_back(std::move(operation));
    } else {
      pending[found->second] = std::move(operation);
    }
    const bool full = pending.size() >= options.batch ||
                      pending_bytes * kBytesPerTextByte >= options.memory_mb << 20;
    if (full) commit();
    return full;
  }

  // The changes of a batch against what is stored.
  struct Changes {
    std::vector<std::uint32_t> buried;
    std::vector<StoredDocument> inserted;
    Counts counts;
  };

  Changes changes() {
    Changes out;
    out.counts = counts;
    std::uint64_t next = store->counter("next_number");
    for (Pending& operation : pending) {
      IndexedDocument& document = operation.document;
      const auto version = store->find(document.id);
      if (operation.erased) {
        ++(version ? out.counts.deleted : out.counts.missing);
      } else if (version &&
                 version->hash == content_hash(document.title, document.text, document.metadata)) {
        ++out.counts.unchanged;
        continue;
      } else {
        ++(version ? out.counts.updated : out.counts.added);
        if (next >= kMostDocuments)
          throw Unsupported(folder + ": an index holds at most 2147483647 documents, ever");
        out.inserted.push_back({static_cast<std::uint32_t>(next++), std::move(document.id),
                                std::move(document.title), std::move(document.text),
                                std::move(document.metadata)});
      }
      if (version) out.buried.push_back(version->number);
    }
    return out;
  }

  void commit() {
    Changes batch = changes();
    pending.clear();
    position.clear();
    pending_bytes = 0;
    if (!batch.inserted.empty() || !batch.buried.empty()) {
      std::vector<SegmentRecord> written;
      if (!batch.inserted.empty()) {
        written.push_back(write(batch.inserted, length_sums(*store, folder)));
        if (has_dense) written.push_back(embed(batch.inserted));
      }
      apply(batch, written);
      keep_few_segments();
    }
    counts = batch.counts;
  }

  // When the disk is full here, the segment would take its room until the next writer.
  void apply(const Changes& batch, const std::vector<SegmentRecord>& written) {
    try {
      store_changes(batch, written);
    } catch (...) {
      remove_files(written);
      throw;
    }
  }

  void store_changes(const Changes& batch, const std::vector<SegmentRecord>& written) {
    Transaction transaction(store->database(), Transaction::Kind::kWrite);
    for (const std::uint32_t number : batch.buried) store->bury(number);
    for (const StoredDocument& document : batch.inserted) store->insert(document);
    for (const SegmentRecord& record : written) {
      store->add(record);
      store->set_counter("next_number", std::uint64_t{record.last} + 1);
    }
    store->set_counter("documents", documents() + batch.inserted.size() - batch.buried.size());
    next_generation();
    transaction.commit();
  }

  std::uint64_t documents() { return store->counter("documents"); }
  void next_generation() { store->set_counter("generation", store->counter("generation") + 1); }

  SegmentRecord write(const std::vector<StoredDocument>& documents, const LengthSums& before) {
    need_analysis();
    const std::string file = new_file();
    const WrittenFile written =
        write_segment(segment_path(folder, file), documents, settings, *analysis, pool, before);
    sync_folder(segments_folder(folder));
    return {file,
            "lexical",
            documents.size(),
            documents.front().number,
            documents.back().number,
            written.bytes,
            written.checksum};
  }

  // A name that no file has: what a crash left was dropped when this writer was opened.
  std::string new_file(const std::string& kind = "lexical") {
    for (std::uint64_t number = store->counter("generation") + 1;; ++number) {
      const std::string file = kind + "-" + std::to_string(number) + ".seg";
      if (!std::filesystem::exists(segment_path(folder, file))) return file;
    }
  }

  void keep_few_segments() {
    for (auto run = run_to_merge(segments_of(*store, "lexical")); !run.empty();
         run = run_to_merge(segments_of(*store, "lexical")))
      replace(run);
    for (auto run = run_to_merge(segments_of(*store, "vectors")); !run.empty();
         run = run_to_merge(segments_of(*store, "vectors")))
      replace_vectors(run);
  }

  void replace_vectors(const std::vector<SegmentRecord>& run) {
    exchange(run, merge_vectors(*store, folder, run, new_file("vectors")));
  }

  void exchange(const std::vector<SegmentRecord>& old, const std::optional<SegmentRecord>& fresh) {
    if (fresh) sync_folder(segments_folder(folder));
    Transaction transaction(store->database(), Transaction::Kind::kWrite);
    for (const SegmentRecord& record : old) store->remove(record);
    if (fresh) store->add(*fresh);
    next_generation();
    transaction.commit();
    remove_files(old);
  }

  void train(bool always) {
    if (!has_dense) return;
    embed_missing();
    const std::string factory = store->settings().at("dense");
    const auto vectors = segments_of(*store, "vectors"), old = segments_of(*store, "faiss");
    std::uint64_t all = 0, covered = 0;
    for (const SegmentRecord& record : vectors) all += record.documents;
    for (const SegmentRecord& record : old) covered += record.documents;
    if (all == 0 && !old.empty()) exchange(old, std::nullopt);
    if (is_flat(factory) || all == 0 || (!always && all <= covered + covered / 10)) return;
    exchange(old, write_ann(folder, new_file("faiss"), factory, vectors, options.progress));
  }

  // Merges neighbouring segments into one, without their dead.
  void replace(const std::vector<SegmentRecord>& run) {
    const std::string file = new_file();
    const auto merged =
        merge_segments(*store, folder, run, file, {.k1 = settings.k1, .b = settings.b},
                       averages(length_sums(*store, folder)));
    if (merged) sync_folder(segments_folder(folder));
    Transaction transaction(store->database(), Transaction::Kind::kWrite);
    for (const SegmentRecord& record : run) store->remove(record);
    store->drop_tombstones(run.front().first, run.back().last);
    if (merged) store->add(*merged);
    next_generation();
    transaction.commit();
    remove_files(run);
  }

  void remove_files(const std::vector<SegmentRecord>& records) {
    for (const SegmentRecord& record : records) {
      std::error_code none;  // an orphan is dropped the next time
      std::filesystem::remove(segment_path(folder, record.file), none);
    }
  }

  void compact() {
    const auto all = segments_of(*store, "lexical");
    if (all.size() > 1 || (all.size() == 1 && !store->tombstones(0, ~0u >> 1).empty()))
      replace(all);
    if (const auto vectors = segments_of(*store, "vectors"); !vectors.empty())
      replace_vectors(vectors);
    train(true);
    store->database().run("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  // Vectors that do not have their checksum any more.
  std::vector<SegmentRecord> damaged_vectors() {
    std::vector<SegmentRecord> damaged;
    for (const SegmentRecord& record : segments_of(*store, "vectors")) {
      try {
        if (VectorFile(segment_path(folder, record.file)).checksum() == record.checksum) continue;
      } catch (const Error&) {  // not even its header can be read
      }
      damaged.push_back(record);
    }
    return damaged;
  }

  void rebuild() {
    analysis.reset();
    analysis.emplace(settings);
    stamp_checked = true;
    const auto old = segments_of(*store, "lexical");
    std::vector<SegmentRecord> fresh;
    LengthSums sums;
    std::vector<StoredDocument> batch;
    std::uint32_t from = 0;
    do {
      batch.clear();
      std::size_t bytes = 0;
      store->for_each(from, options.batch, [&](StoredDocument document, std::uint64_t) {
        if (bytes * kBytesPerTextByte >= options.memory_mb << 20) return;
        bytes += document.title.size() + document.text.size();
        batch.push_back(std::move(document));
      });
      if (batch.empty()) break;
      from = batch.back().number + 1;
      fresh.push_back(write(batch, sums));
      add_lengths(segment_path(folder, fresh.back().file), sums);
    } while (true);
    Transaction transaction(store->database(), Transaction::Kind::kWrite);
    for (const SegmentRecord& record : old) store->remove(record);
    store->drop_tombstones(0, ~0u >> 1);
    for (const SegmentRecord& record : fresh) store->add(record);
    store_settings(*store, settings, analysis->dictionary());
    next_generation();
    transaction.commit();
    remove_files(old);
    if (!has_dense) return keep_few_segments();
    exchange(damaged_vectors(), std::nullopt);
    exchange(segments_of(*store, "faiss"), std::nullopt);
    train(true);
    keep_few_segments();
  }
};

IndexWriter::IndexWriter(const std::string& folder, const std::optional<IndexSettings>& settings,
                         const WriterOptions& options)
    : impl_(std::make_unique<Impl>(folder, settings, options)) {}
IndexWriter::~IndexWriter() = default;
IndexWriter::IndexWriter(IndexWriter&&) noexcept = default;

bool IndexWriter::add(IndexedDocument document) {
  if (document.id.empty()) throw InvalidArgument("a document needs an id that is not empty");
  impl_->need_analysis();
  const std::size_t bytes =
      document.title.size() + document.text.size() + document.metadata.size() + 64;
  return impl_->add({std::move(document), false}, bytes);
}

bool IndexWriter::erase(const std::string& id) {
  return impl_->add({{.id = id, .title = {}, .text = {}, .metadata = {}}, true}, 64);
}

void IndexWriter::commit() {
  impl_->commit();
}

void IndexWriter::compact() {
  impl_->commit();
  impl_->compact();
}

void IndexWriter::rebuild() {
  if (!impl_->pending.empty()) impl_->commit();
  impl_->rebuild();
}

void IndexWriter::train() {
  impl_->commit();
  impl_->train(false);
}

void IndexWriter::note_search(std::size_t nprobe, double refine) {
  impl_->commit();
  impl_->note_search(nprobe, refine);
}

std::uint64_t IndexWriter::documents() const {
  return impl_->documents();
}
IndexWriter::Counts IndexWriter::counts() const {
  return impl_->counts;
}

}  // namespace narabi
