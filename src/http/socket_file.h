// The file of a Unix socket: taken over from a server that is dead, removed only by its maker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace narabi::http {

class SocketFile {
 public:
  // Removes what a server that was killed left at `path`; never a file of another kind, nor a
  // socket that somebody listens on: to bind there says then that the address is in use.
  explicit SocketFile(std::string path);
  void note_bound();    // the file is there now, and ours
  void remove() const;  // if it still is the one that was noted

 private:
  using Identity = std::pair<std::uint64_t, std::uint64_t>;  // device and inode
  std::optional<Identity> identity() const;  // of the socket at the path; none where there is none

  std::string path_;
  std::optional<Identity> ours_;
};

}  // namespace narabi::http
