#include "http/socket_file.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace narabi::http {
namespace {

// Whether the system says that nobody listens there. What it does not say (no permission, say) is
// no reason to take the file away.
bool is_dead(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return false;
  const int result = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const bool refused = result != 0 && errno == ECONNREFUSED;
  ::close(probe);
  return refused;
}

}  // namespace

SocketFile::SocketFile(std::string path) : path_(std::move(path)) {
  if (identity() && is_dead(path_)) ::unlink(path_.c_str());
}

void SocketFile::note_bound() {
  ours_ = identity();
}

void SocketFile::remove() const {
  if (ours_ && identity() == ours_) ::unlink(path_.c_str());
}

std::optional<SocketFile::Identity> SocketFile::identity() const {
  struct stat status {};
  if (::lstat(path_.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return std::nullopt;
  return Identity{status.st_dev, status.st_ino};
}

}  // namespace narabi::http
