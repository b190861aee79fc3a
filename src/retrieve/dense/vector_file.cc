#include "retrieve/dense/vector_file.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/atomic_file.h"
#include "narabi/error.h"
#include "retrieve/numbers.h"

namespace narabi::retrieve {
namespace {

constexpr char kMagic[8] = {'N', 'A', 'R', 'A', 'B', 'I', 'V', 'C'};
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kLargestDimension = 1 << 16;

struct Header {
  char magic[8];
  std::uint32_t version, dimension;
  std::uint64_t documents;
  std::uint64_t checksum;
  char zeros[32];
};
static_assert(sizeof(Header) == 64);

std::uint64_t checksum_of(const Header& header) {
  return XXH3_64bits(&header, offsetof(Header, checksum));
}

}  // namespace

VectorFile::VectorFile(const std::string& path) : file_(path) {
  const auto bytes = file_.bytes();
  Header header;
  const bool whole = bytes.size() >= sizeof header;
  if (whole) std::memcpy(&header, bytes.data(), sizeof header);
  if (!whole || std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 ||
      header.version != kVersion || header.checksum != checksum_of(header) ||
      header.dimension == 0 || header.dimension > kLargestDimension ||
      header.documents > 1u << 31 ||
      bytes.size() !=
          sizeof header + header.documents * 4 * (std::uint64_t{header.dimension} + 1)) {
    throw InvalidFormat(path +
                        ": the file of vectors is damaged: embed the documents again by narabi "
                        "index INDEX rebuild --embedder DIR");
  }
  dimension_ = static_cast<int>(header.dimension);
  vectors_ = reinterpret_cast<const float*>(bytes.data() + sizeof header);
  numbers_ = {
      reinterpret_cast<const std::uint32_t*>(vectors_ + header.documents * header.dimension),
      static_cast<std::size_t>(header.documents)};
}

const float* VectorFile::find(std::uint32_t number) const {
  const auto position = position_of(numbers_, number);
  return position ? row(*position) : nullptr;
}

std::uint64_t VectorFile::checksum() const {
  const auto body = file_.bytes().subspan(sizeof(Header));
  return XXH3_64bits(body.data(), body.size());
}

WrittenFile write_vectors(const std::string& path, int dimension,
                          const std::vector<std::uint32_t>& numbers,
                          const std::vector<const float*>& rows) {
  Header header = {};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.version = kVersion;
  header.dimension = static_cast<std::uint32_t>(dimension);
  header.documents = numbers.size();
  header.checksum = checksum_of(header);
  base::AtomicFile file(path);
  XXH3_state_t hash;
  XXH3_64bits_reset(&hash);
  WrittenFile written{.bytes = sizeof header, .checksum = 0};
  const auto write = [&](const void* bytes, std::size_t count) {
    XXH3_64bits_update(&hash, bytes, count);
    file.write({static_cast<const char*>(bytes), count});
    written.bytes += count;
  };
  file.write({reinterpret_cast<const char*>(&header), sizeof header});
  for (const float* row : rows) write(row, static_cast<std::size_t>(dimension) * sizeof(float));
  write(numbers.data(), numbers.size() * sizeof(std::uint32_t));
  file.commit();
  written.checksum = XXH3_64bits_digest(&hash);
  return written;
}

}  // namespace narabi::retrieve
