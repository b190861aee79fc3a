// The source of truth of an index: its SQLite database. Documents, ids, metadata, tombstones,
// settings, and the manifest of segments.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "retrieve/store/sqlite.h"

namespace narabi::retrieve {

struct StoredDocument {
  std::uint32_t number = 0;  // given once, ascending, never used again
  std::string id, title, text;
  std::string metadata;  // a JSON object, or empty
};

// A row of the manifest.
struct SegmentRecord {
  std::string file;  // name in the folder of segments
  std::string kind;  // "lexical", "vectors" or "faiss"
  std::uint64_t documents = 0;
  std::uint32_t first = 0, last = 0;  // numbers of its documents
  std::uint64_t bytes = 0, checksum = 0;
};

// XXH3 over the parts of a document: whether an upsert changes anything, and whether a byte
// flipped.
std::uint64_t content_hash(std::string_view title, std::string_view text,
                           std::string_view metadata);

// One connection; for one thread at a time. Writing happens inside a Transaction on database().
class Store {
 public:
  static constexpr const char* kFile = "store.sqlite";

  // kWrite creates what is missing. Throws InvalidFormat for a database that is none of ours,
  // Unsupported for another version's.
  Store(const std::string& folder, Database::Access access);

  Database& database() { return database_; }
  const Database& database() const { return database_; }

  using Settings = std::map<std::string, std::string>;
  Settings settings();
  void set(const std::string& key, const std::string& value);
  std::uint64_t counter(const std::string& key);  // "generation", "documents", "next_number"
  void set_counter(const std::string& key, std::uint64_t value);

  struct Version {
    std::uint32_t number;
    std::uint64_t hash;
  };
  std::optional<Version> find(std::string_view id);
  void insert(const StoredDocument& document);
  // Out of the documents, into the tombstones.
  void bury(std::uint32_t number);
  std::optional<StoredDocument> get(std::uint32_t number);
  // Calls body for every document in ascending order of numbers, from `from` on, at most `limit`.
  template <typename Body>
  void for_each(std::uint32_t from, std::uint64_t limit, Body body) {
    Statement select = database_.prepare(
        "SELECT number, id, title, text, metadata, hash FROM documents WHERE number >= ? ORDER BY "
        "number LIMIT ?");
    select.bind(0, std::int64_t{from}).bind(1, static_cast<std::int64_t>(limit));
    while (select.step()) {
      body(StoredDocument{static_cast<std::uint32_t>(select.integer(0)),
                          std::string(select.text(1)), std::string(select.text(2)),
                          std::string(select.text(3)), std::string(select.text(4))},
           static_cast<std::uint64_t>(select.integer(5)));
    }
  }

  std::vector<std::uint32_t> tombstones(std::uint32_t first, std::uint32_t last);
  void drop_tombstones(std::uint32_t first, std::uint32_t last);

  std::vector<SegmentRecord> segments();  // by kind, then by the first number
  void add(const SegmentRecord& record);
  void remove(const SegmentRecord& record);

  std::string integrity_problem();  // what PRAGMA integrity_check says; empty when it is "ok"

 private:
  void create();
  void check_format();

  Database database_;
  std::optional<Statement> find_, insert_, get_, bury_, delete_;
};

}  // namespace narabi::retrieve
