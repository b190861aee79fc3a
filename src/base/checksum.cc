#include "base/checksum.h"

#define XXH_INLINE_ALL
#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "narabi/error.h"

namespace narabi::base {
namespace {

constexpr std::size_t kPiece = 256 << 10;  // stays in L2 between the read and the hash

}  // namespace

std::uint64_t checksum(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::uint64_t file_checksum(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw IoError(path + ": cannot open: " + std::strerror(errno));
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  std::vector<char> piece(kPiece);
  ssize_t count = 0;
  do {
    count = ::read(fd, piece.data(), piece.size());
    if (count > 0) XXH3_64bits_update(&state, piece.data(), static_cast<std::size_t>(count));
  } while (count > 0 || (count < 0 && errno == EINTR));
  const int error = errno;
  ::close(fd);
  if (count < 0) throw IoError(path + ": cannot read: " + std::strerror(error));
  return XXH3_64bits_digest(&state);
}

std::string checksum_text(std::uint64_t checksum) {
  char text[32];
  std::snprintf(text, sizeof text, "xxh3:%016llx", static_cast<unsigned long long>(checksum));
  return text;
}

}  // namespace narabi::base
