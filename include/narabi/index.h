// A collection on the disk: documents by id, BM25, crash-safe, one writer and any number of
// readers.
//
// Every commit is all or nothing and survives kill -9 and a power cut; readers see the state of a
// commit, never a part of one. Format: docs/index-format.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narabi/options.h"

namespace narabi {

struct IndexedDocument {
  std::string id;
  std::string title;  // may be empty
  std::string text;
  std::string metadata;  // a JSON object, or empty
};

// Fixed when the index is made, and stored in it.
struct IndexSettings {
  bool words = true;         // MeCab words (ipadic)
  bool bigrams = true;       // characters and pairs of them
  double word_weight = 1.0;  // score = weighted sum of the BM25 of both
  double bigram_weight = 1.0;
  int title_weight = 1;  // how often a term of the title counts, 0 to 16
  double k1 = 1.2;
  double b = 0.75;
};

struct WriterOptions {
  // Folder of the embedder: of a new dense arm, or the one the index was made with at another
  // place. Empty: the one that the index names, if any.
  std::string embedder;
  // With `embedder`: what its folder does not name. Stored in the index.
  Prompts prompts;
  // Faiss factory of a new dense arm: Flat, IVF1024,PQ32, IVF256,SQ8, ... A Refine stage needs no
  // naming: candidates are always scored again with the stored vectors.
  std::string dense;
  int threads = 0;               // 0: the cores that the cgroup allows
  std::size_t batch = 16384;     // documents of a commit, at most
  std::size_t memory_mb = 1024;  // a commit comes earlier when its documents would need more
  // Long work on vectors (train(), compact(), rebuild()): which, and how many of how many are done.
  // May throw to stop it: what was committed stays, and train() begins the rest again.
  std::function<void(const std::string& what, std::size_t done, std::size_t total)> progress;
};

struct IndexInfo {
  std::uint64_t documents = 0, deleted = 0, segments = 0, bytes = 0, generation = 0;
  IndexSettings settings;
  std::string dictionary;       // of the words; empty without
  std::string embedder, dense;  // empty without a dense arm
  Prompts prompts;              // of the embedder
  int dimension = 0;
  std::uint64_t vectors = 0;      // documents that have one
  std::uint64_t approximate = 0;  // of them, in the approximate index; the rest is searched exactly
  std::size_t nprobe = 0;         // what the index notes for a search of it; 0: nothing
  double refine = 0;
};

enum class Retriever { kBm25, kDense, kHybrid };
enum class Fusion {
  kRank,   // reciprocal rank fusion
  kScore,  // convex combination of scores scaled to [0, 1]
};

struct SearchOptions {
  Retriever retriever = Retriever::kBm25;
  std::size_t candidates = 100;  // of each arm
  std::string filter;  // over metadata, as year >= 1990 and section = "歴史"; empty: all
  Fusion fusion = Fusion::kRank;
  double rrf_k = 60;
  double dense_weight = 0.5;  // of kScore; BM25 has the rest
  bool exact = false;         // dense: all vectors instead of the approximate index
  // Of the approximate index; 0: what the index notes (IndexWriter::note_search), else an eighth
  // of the lists, at least 16, and 4.
  std::size_t nprobe = 0;  // lists to visit; more where these hold too few that the filter allows
  double refine = 0;       // candidates per result, scored again exactly
};

// Milliseconds of one search, by part.
struct SearchTimes {
  double analyze = 0, bm25 = 0;  // the query's terms; their postings
  double embed = 0, dense = 0;   // the query's vector; its neighbours
  double fusion = 0, fetch = 0;  // the union of both arms; documents out of the store
};

// The one writer: a second one, in any process, is refused with Overloaded.
class IndexWriter {
 public:
  // Opens the index in `folder` or makes one. `settings`: of a new index; for an old one they have
  // to be the same (InvalidArgument names the difference), or absent. Drops what a crash left
  // behind.
  explicit IndexWriter(const std::string& folder, const std::optional<IndexSettings>& settings = {},
                       const WriterOptions& options = {});
  ~IndexWriter();  // what is not committed is dropped
  IndexWriter(IndexWriter&&) noexcept;

  struct Counts {
    std::uint64_t added = 0, updated = 0, unchanged = 0, deleted = 0, missing = 0;
  };

  // Upsert by id: a document of that id is replaced. True when the batch was full and is now
  // durable.
  bool add(IndexedDocument document);
  bool erase(const std::string& id);
  void commit();   // what is pending becomes durable and visible
  void compact();  // one segment, without the deleted documents; commits first
  void rebuild();  // all segments anew from the stored documents; commits first
  // The approximate vector index, when more than a tenth of the vectors are not in it, and vectors
  // of documents that have none; commits first.
  void train();
  // From now on what a search of the approximate index does that says nothing else; another factory
  // forgets it.
  void note_search(std::size_t nprobe, double refine);

  std::uint64_t documents() const;  // committed
  Counts counts() const;            // of what this writer has committed

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A reader. Safe to share between threads; each call sees the latest commit, and one state
// throughout.
class Index {
 public:
  // Throws IoError when there is none, InvalidFormat when it is damaged, Unsupported when it was
  // made with another dictionary or format; the message says what to do.
  // `embedder`: its folder, where it is not the one that the index names; loaded by the first dense
  // search.
  explicit Index(const std::string& folder, const std::string& embedder = {});
  ~Index();
  Index(Index&&) noexcept;

  struct Hit {
    IndexedDocument document;
    double score = 0;  // BM25, inner product, or of the fusion
    double bm25 = 0, dense = 0;
    std::uint32_t bm25_rank = 0, dense_rank = 0;  // from 1; 0: the arm did not find it
  };
  // Best first; equal scores: the document that was added earlier first. BM25 gives documents with
  // a score > 0; hybrid the union of both arms. Throws InvalidArgument for a filter that is none
  // and for a dense search of an index without vectors; Unsupported when the embedder is not the
  // one the index was made with.
  // `times`: filled in where it is not null.
  std::vector<Hit> search(std::string_view query, const SearchOptions& options = {},
                          SearchTimes* times = nullptr) const;
  // The same for many queries, in one commit's state; `times`: of one query on average. Exact dense
  // search of many is several times faster than one by one.
  std::vector<std::vector<Hit>> search(std::span<const std::string_view> queries,
                                       const SearchOptions& options = {},
                                       SearchTimes* times = nullptr) const;

  // recall@10 and recall@100 of the approximate index against exact search, and the median time of
  // a query on one thread in milliseconds, without the embedder's: for `queries` parts of stored
  // documents, refine 1 to 32, and nprobe doubled until it finds all or all lists are visited.
  // exact_ms: of a query, all at once on all cores.
  struct Recall {
    std::size_t nprobe = 0;
    double refine = 0, recall_10 = 0, recall_100 = 0, ms = 0, exact_ms = 0;
  };
  std::vector<Recall> check_recall(std::size_t queries) const;

  std::optional<IndexedDocument> get(std::string_view id) const;
  IndexInfo info() const;

  // What each term of the query adds to the score of a document.
  struct Explanation {
    std::string term;   // without its field
    bool word = false;  // a MeCab word, else a character or a pair
    std::uint32_t in_query = 0, in_document = 0;
    std::uint64_t documents = 0;  // that hold the term
    double score = 0;
  };
  // Empty when there is no document of that id.
  std::optional<std::vector<Explanation>> explain(std::string_view query,
                                                  std::string_view id) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Everything is read and compared: checksums of segments and documents, and that both hold the same
// documents. One line for each problem; none: all is well. Throws only when there is no index to
// read.
std::vector<std::string> verify_index(const std::string& folder);

}  // namespace narabi
