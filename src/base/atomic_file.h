// A file that appears whole or not at all.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace narabi::base {

// Writes to a temporary name beside `path`; commit() flushes, syncs and renames over `path`.
// Without commit() the temporary file is removed and an older `path` stays as it was. A symbolic
// link stays one, and its target is what appears; what is there and no regular file (a device, a
// FIFO) is written directly.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);  // throws IoError
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);  // throws IoError, e.g. when the disk is full
  void write_at(std::size_t offset, std::string_view bytes);  // over bytes written before
  void commit();                                              // throws IoError

  // Where the bytes lie until commit(): for whoever has to remove it when the process is ended.
  // Empty where they are written directly.
  const std::string& temporary() const { return temporary_; }

 private:
  void flush();
  std::string path_, temporary_, buffer_;
  int fd_ = -1;
};

}  // namespace narabi::base
