#include "retrieve/store/sqlite.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "base/paths.h"
#include "narabi/error.h"

namespace narabi::retrieve {
namespace {

constexpr int kBusyMilliseconds = 30'000;  // readers wait for a checkpoint, never for a batch

[[noreturn]] void fail(sqlite3* handle, const std::string& path, int code) {
  const int primary = code & 0xFF;
  const std::string what =
      path + ": SQLite: " + (handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code));
  switch (primary) {
    case SQLITE_FULL:
      throw IoError(what + "; the index is as it was after the last commit");
    case SQLITE_READONLY:
      throw IoError(what + "; writing needs permission for the folder and its files");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      throw InvalidFormat(what +
                          "; expected the database of an index: restore it from a copy, or "
                          "build the index again from the corpus");
    default:
      throw IoError(what);
  }
}

std::string log_of(const std::string& path) {
  return path + "-wal";
}

bool can_write_beside(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  return ::access(folder.empty() ? "." : folder.c_str(), W_OK) == 0;
}

std::string uri_of(const std::string& path, bool unlocked) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '?' || c == '#' || c == '%') {
      static constexpr char kHex[] = "0123456789abcdef";
      uri += {'%', kHex[static_cast<unsigned char>(c) >> 4], kHex[c & 0xF]};
    } else {
      uri += c;
    }
  }
  return uri + (unlocked ? "?immutable=1" : "");
}

}  // namespace

// The state comes first: a writer that begins after it is noticed.
Database::Database(const std::string& path, Access access)
    : path_(path),
      opened_(state()),
      unlocked_(access == Access::kRead && !base::exists(log_of(path)) && !can_write_beside(path)) {
  const int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
                    (access == Access::kWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                     : unlocked_              ? SQLITE_OPEN_READONLY
                                              : SQLITE_OPEN_READWRITE);
  const int code = sqlite3_open_v2(uri_of(path, unlocked_).c_str(), &handle_, flags, nullptr);
  try {
    if (code != SQLITE_OK) fail(handle_, path_, code);
    sqlite3_extended_result_codes(handle_, 1);
    sqlite3_busy_timeout(handle_, kBusyMilliseconds);
    if (access == Access::kWrite) {
      run("PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    } else {
      run("PRAGMA query_only = 1");
    }
    run("PRAGMA cache_size = -65536");
  } catch (...) {
    sqlite3_close_v2(handle_);
    throw;
  }
}

Database::~Database() {
  sqlite3_close_v2(handle_);
}

// What a checkpoint changes about the file, and a new index in its place.
Database::FileState Database::state() const {
  struct stat file = {};
  if (::stat(path_.c_str(), &file) != 0) return {};
  return {static_cast<std::int64_t>(file.st_dev), static_cast<std::int64_t>(file.st_ino),
          file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec};
}

bool Database::overtaken() const {
  return unlocked_ && (base::exists(log_of(path_)) || state() != opened_);
}

void Database::run(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(handle_, path_, code);
}

Statement Database::prepare(const std::string& sql) const {
  return Statement(handle_, path_, sql);
}

Statement::Statement(sqlite3* handle, const std::string& path, const std::string& sql)
    : handle_(handle), path_(path) {
  const int code = sqlite3_prepare_v2(handle, sql.c_str(), -1, &statement_, nullptr);
  if (code != SQLITE_OK) fail(handle, path, code);
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement::Statement(Statement&& other) noexcept
    : handle_(other.handle_),
      path_(std::move(other.path_)),
      statement_(std::exchange(other.statement_, nullptr)) {}

Statement& Statement::bind(int index, std::int64_t value) {
  const int code = sqlite3_bind_int64(statement_, index + 1, value);
  if (code != SQLITE_OK) fail(handle_, path_, code);
  return *this;
}

Statement& Statement::bind(int index, double value) {
  const int code = sqlite3_bind_double(statement_, index + 1, value);
  if (code != SQLITE_OK) fail(handle_, path_, code);
  return *this;
}

Statement& Statement::bind(int index, std::string_view value) {
  const int code = sqlite3_bind_text64(statement_, index + 1, value.data() ? value.data() : "",
                                       value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) fail(handle_, path_, code);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite3_reset(statement_);
  fail(handle_, path_, code);
}

void Statement::run() {
  while (step()) {
  }
  reset();
}

void Statement::reset() {
  sqlite3_reset(statement_);  // reports the error of the last step once more
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

double Statement::real(int column) const {
  return sqlite3_column_double(statement_, column);
}

std::string_view Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return {data ? data : "", static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Transaction::Transaction(Database& database, Kind kind) : database_(database) {
  database_.run(kind == Kind::kWrite ? "BEGIN IMMEDIATE" : "BEGIN");
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    database_.run("ROLLBACK");
  } catch (...) {  // SQLite has rolled back by itself after some errors
  }
}

void Transaction::commit() {
  database_.run("COMMIT");
  open_ = false;
}

}  // namespace narabi::retrieve
