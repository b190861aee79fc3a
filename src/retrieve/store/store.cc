#include "retrieve/store/store.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <filesystem>

#include "narabi/error.h"

namespace narabi::retrieve {
namespace {

constexpr std::int64_t kFormat = 1;
constexpr std::int64_t kApplication = 0x6E617269;  // "nari", in the file's header

constexpr const char* kSchema = R"(
CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  hash INTEGER NOT NULL,
  title TEXT NOT NULL,
  metadata TEXT NOT NULL,
  text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tombstones (number INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS segments (
  file TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  documents INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  checksum INTEGER NOT NULL) WITHOUT ROWID;
)";

std::string store_path(const std::string& folder) {
  return (std::filesystem::path(folder) / Store::kFile).string();
}

std::uint32_t number_in(const Statement& row, int column) {
  return static_cast<std::uint32_t>(row.integer(column));
}

}  // namespace

std::uint64_t content_hash(std::string_view title, std::string_view text,
                           std::string_view metadata) {
  std::uint64_t hash = 0;
  for (const std::string_view part : {title, text, metadata})
    hash = XXH3_64bits_withSeed(part.data(), part.size(), hash + 1);
  return hash;
}

Store::Store(const std::string& folder, Database::Access access)
    : database_(store_path(folder), access) {
  if (access == Database::Access::kWrite) create();
  check_format();
}

void Store::create() {
  Transaction transaction(database_, Transaction::Kind::kWrite);
  Statement tables = database_.prepare("SELECT count(*) FROM sqlite_master");
  tables.step();
  const bool fresh = tables.integer(0) == 0;
  tables.reset();
  if (fresh) {
    database_.run("PRAGMA application_id = " + std::to_string(kApplication));
    database_.run("PRAGMA user_version = " + std::to_string(kFormat));
    database_.run(kSchema);
  }
  transaction.commit();
}

void Store::check_format() {
  const auto pragma = [&](const char* name) {
    Statement row = database_.prepare(std::string("PRAGMA ") + name);
    row.step();
    return row.integer(0);
  };
  if (pragma("application_id") != kApplication)
    throw InvalidFormat(database_.path() +
                        ": expected the store of a narabi index, found another "
                        "SQLite database");
  const std::int64_t version = pragma("user_version");
  if (version != kFormat) {
    throw Unsupported(database_.path() + ": expected an index of format " +
                      std::to_string(kFormat) + ", found " + std::to_string(version) +
                      ": build it again with this narabi");
  }
}

Store::Settings Store::settings() {
  Settings settings;
  Statement rows = database_.prepare("SELECT key, value FROM settings");
  while (rows.step()) settings.emplace(rows.text(0), rows.text(1));
  return settings;
}

void Store::set(const std::string& key, const std::string& value) {
  database_.prepare("INSERT OR REPLACE INTO settings VALUES (?, ?)")
      .bind(0, key)
      .bind(1, value)
      .run();
}

std::uint64_t Store::counter(const std::string& key) {
  Statement row = database_.prepare("SELECT value FROM counters WHERE key = ?");
  row.bind(0, key);
  return row.step() ? static_cast<std::uint64_t>(row.integer(0)) : 0;
}

void Store::set_counter(const std::string& key, std::uint64_t value) {
  database_.prepare("INSERT OR REPLACE INTO counters VALUES (?, ?)")
      .bind(0, key)
      .bind(1, static_cast<std::int64_t>(value))
      .run();
}

std::optional<Store::Version> Store::find(std::string_view id) {
  if (!find_) find_.emplace(database_.prepare("SELECT number, hash FROM documents WHERE id = ?"));
  find_->bind(0, id);
  std::optional<Version> version;
  if (find_->step())
    version = {number_in(*find_, 0), static_cast<std::uint64_t>(find_->integer(1))};
  find_->reset();
  return version;
}

void Store::insert(const StoredDocument& document) {
  if (!insert_) {
    insert_.emplace(
        database_.prepare("INSERT INTO documents (number, id, hash, title, metadata, text) VALUES "
                          "(?, ?, ?, ?, ?, ?)"));
  }
  insert_->bind(0, std::int64_t{document.number})
      .bind(1, document.id)
      .bind(2, static_cast<std::int64_t>(
                   content_hash(document.title, document.text, document.metadata)))
      .bind(3, document.title)
      .bind(4, document.metadata)
      .bind(5, document.text)
      .run();
}

void Store::bury(std::uint32_t number) {
  if (!delete_) delete_.emplace(database_.prepare("DELETE FROM documents WHERE number = ?"));
  if (!bury_) bury_.emplace(database_.prepare("INSERT INTO tombstones VALUES (?)"));
  delete_->bind(0, std::int64_t{number}).run();
  bury_->bind(0, std::int64_t{number}).run();
}

std::optional<StoredDocument> Store::get(std::uint32_t number) {
  if (!get_) {
    get_.emplace(
        database_.prepare("SELECT id, title, text, metadata FROM documents WHERE number = ?"));
  }
  get_->bind(0, std::int64_t{number});
  std::optional<StoredDocument> document;
  if (get_->step()) {
    document = StoredDocument{number, std::string(get_->text(0)), std::string(get_->text(1)),
                              std::string(get_->text(2)), std::string(get_->text(3))};
  }
  get_->reset();
  return document;
}

std::vector<std::uint32_t> Store::tombstones(std::uint32_t first, std::uint32_t last) {
  std::vector<std::uint32_t> numbers;
  Statement rows = database_.prepare(
      "SELECT number FROM tombstones WHERE number BETWEEN ? AND ? ORDER BY number");
  rows.bind(0, std::int64_t{first}).bind(1, std::int64_t{last});
  while (rows.step()) numbers.push_back(number_in(rows, 0));
  return numbers;
}

void Store::drop_tombstones(std::uint32_t first, std::uint32_t last) {
  database_.prepare("DELETE FROM tombstones WHERE number BETWEEN ? AND ?")
      .bind(0, std::int64_t{first})
      .bind(1, std::int64_t{last})
      .run();
}

std::vector<SegmentRecord> Store::segments() {
  std::vector<SegmentRecord> records;
  Statement rows = database_.prepare(
      "SELECT file, kind, documents, first, last, bytes, checksum FROM segments ORDER BY kind, "
      "first");
  while (rows.step()) {
    records.push_back({std::string(rows.text(0)), std::string(rows.text(1)),
                       static_cast<std::uint64_t>(rows.integer(2)), number_in(rows, 3),
                       number_in(rows, 4), static_cast<std::uint64_t>(rows.integer(5)),
                       static_cast<std::uint64_t>(rows.integer(6))});
  }
  return records;
}

void Store::add(const SegmentRecord& record) {
  database_.prepare("INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?)")
      .bind(0, record.file)
      .bind(1, record.kind)
      .bind(2, static_cast<std::int64_t>(record.documents))
      .bind(3, std::int64_t{record.first})
      .bind(4, std::int64_t{record.last})
      .bind(5, static_cast<std::int64_t>(record.bytes))
      .bind(6, static_cast<std::int64_t>(record.checksum))
      .run();
}

void Store::remove(const SegmentRecord& record) {
  database_.prepare("DELETE FROM segments WHERE file = ?").bind(0, record.file).run();
}

std::string Store::integrity_problem() {
  Statement row = database_.prepare("PRAGMA integrity_check(1)");
  row.step();
  return row.text(0) == "ok" ? "" : std::string(row.text(0));
}

}  // namespace narabi::retrieve
