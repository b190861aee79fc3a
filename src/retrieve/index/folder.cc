#include "retrieve/index/folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/paths.h"
#include "narabi/error.h"
#include "retrieve/store/store.h"

namespace narabi::retrieve {
namespace fs = std::filesystem;

std::string segments_folder(const std::string& folder) {
  return (fs::path(folder) / "segments").string();
}

std::string segment_path(const std::string& folder, const std::string& file) {
  return (fs::path(segments_folder(folder)) / file).string();
}

void make_index_folder(const std::string& folder) {
  if (base::exists(folder) && !base::is_folder(folder))
    throw IoError(folder + ": expected a folder for the index, found a file");
  if (base::is_folder(folder) && !base::exists(fs::path(folder) / Store::kFile) &&
      !base::exists(fs::path(folder) / "lock") && !fs::is_empty(folder)) {
    throw IoError(folder + ": expected an index or an empty folder, found other files in it");
  }
  std::error_code error;
  fs::create_directories(segments_folder(folder), error);
  if (error) throw IoError(folder + ": cannot make the folder of the index: " + error.message());
}

void check_index_folder(const std::string& folder) {
  if (!base::exists(fs::path(folder) / Store::kFile)) {
    throw IoError(folder + ": expected an index (" + Store::kFile +
                  "), found none: build one by narabi index " + folder + " --corpus FILE");
  }
}

void sync_folder(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!synced) throw IoError(folder + ": cannot sync: " + std::strerror(error));
}

void drop_orphans(const std::string& folder, const std::set<std::string>& known) {
  for (const fs::directory_entry& entry : fs::directory_iterator(segments_folder(folder))) {
    if (known.contains(entry.path().filename().string())) continue;
    std::error_code error;
    fs::remove(entry.path(), error);
    if (error) throw IoError(entry.path().string() + ": cannot remove: " + error.message());
  }
}

WriterLock::WriterLock(const std::string& folder) {
  const std::string path = (fs::path(folder) / "lock").string();
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd_ < 0) throw IoError(path + ": cannot write: " + std::strerror(errno));
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd_);
    throw Overloaded(folder +
                     ": another process is writing to this index; try again when it is done");
  }
}

WriterLock::~WriterLock() {
  ::close(fd_);
}

}  // namespace narabi::retrieve
