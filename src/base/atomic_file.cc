#include "base/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "narabi/error.h"

namespace narabi::base {
namespace {

constexpr std::size_t kBufferBytes = 1 << 20;

}  // namespace

AtomicFile::AtomicFile(const std::string& path)
    : path_(path), temporary_(path + ".tmp." + std::to_string(::getpid())) {
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd_ < 0) throw IoError(path + ": cannot write: " + std::strerror(errno));
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::string_view bytes) {
  buffer_.append(bytes);
  if (buffer_.size() >= kBufferBytes) flush();
}

void AtomicFile::flush() {
  for (std::size_t done = 0; done < buffer_.size();) {
    const ssize_t n = ::write(fd_, buffer_.data() + done, buffer_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw IoError(path_ + ": cannot write: " + std::strerror(errno));
    done += static_cast<std::size_t>(n);
  }
  buffer_.clear();
}

void AtomicFile::write_at(std::size_t offset, std::string_view bytes) {
  flush();
  if (::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset)) !=
      static_cast<ssize_t>(bytes.size())) {
    throw IoError(path_ + ": cannot write: " + std::strerror(errno));
  }
}

void AtomicFile::commit() {
  flush();
  if (::fsync(fd_) != 0) throw IoError(path_ + ": cannot sync: " + std::strerror(errno));
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    throw IoError(path_ + ": cannot rename " + temporary_ + " to it: " + std::strerror(errno));
  }
  ::close(fd_);
  fd_ = -1;
}

}  // namespace narabi::base
