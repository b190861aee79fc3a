// SQLite behind two owners: a connection and a prepared statement. The only file pair that knows
// it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace narabi::retrieve {

class Statement;

// One connection, for one thread at a time. Every failure throws IoError (InvalidFormat for a file
// that is damaged or no database) naming the file, what SQLite says, and what to do where that is
// known.
class Database {
 public:
  enum class Access {
    kWrite,  // creates the file; WAL, synchronous=FULL
    kRead,   // beside a writer, if there is one
  };

  Database(const std::string& path, Access access);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void run(const std::string& sql);
  Statement prepare(const std::string& sql) const;
  const std::string& path() const { return path_; }
  // A reader without permission to write can neither make a log nor lock what no log guards. Where
  // it found none, a writer that comes later overtakes it: what it has read may be of no commit,
  // and what it will read is stale. Then it has to be opened again.
  bool overtaken() const;

 private:
  using FileState = std::array<std::int64_t, 5>;
  FileState state() const;

  std::string path_;
  FileState opened_;
  bool unlocked_;
  sqlite3* handle_ = nullptr;
};

// Parameters and columns count from 0.
class Statement {
 public:
  Statement(sqlite3* handle, const std::string& path, const std::string& sql);
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, double value);
  Statement& bind(int index, std::string_view value);  // copied
  bool step();                                         // true while there is a row
  void run();                                          // step to the end, then reset
  void reset();                                        // ready for new parameters

  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;  // valid until the next step or reset

 private:
  sqlite3* handle_;
  std::string path_;
  sqlite3_stmt* statement_ = nullptr;
};

// BEGIN ... COMMIT; rolled back when it ends without commit().
class Transaction {
 public:
  enum class Kind { kRead, kWrite };
  Transaction(Database& database, Kind kind);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace narabi::retrieve
