#include "base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "narabi/error.h"

namespace narabi::base {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBufferBytes = 1 << 20;
constexpr int kMostLinks = 40;  // in a row, as the kernel has it

bool is_no_regular_file(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

// Where symbolic links lead, also to what is not there yet.
std::string target_of(fs::path path) {
  std::error_code none;
  for (int links = 0; links < kMostLinks && fs::is_symlink(path, none); ++links)
    path = path.parent_path() / fs::read_symlink(path, none);
  return path.string();
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path) : path_(path) {
  if (is_no_regular_file(path)) {
    fd_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    path_ = target_of(path);
    temporary_ = path_ + ".tmp." + std::to_string(::getpid());
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  }
  if (fd_ < 0) throw IoError(path + ": cannot write: " + std::strerror(errno));
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
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
  if (!temporary_.empty()) {
    if (::fsync(fd_) != 0) throw IoError(path_ + ": cannot sync: " + std::strerror(errno));
    if (::rename(temporary_.c_str(), path_.c_str()) != 0)
      throw IoError(path_ + ": cannot rename " + temporary_ + " to it: " + std::strerror(errno));
  }
  ::close(fd_);
  fd_ = -1;
}

}  // namespace narabi::base
