#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <vector>

#include "service/model.h"

namespace narabi::service {
namespace {

// FNV-1a, 64 bits: tells files apart, protects against nothing.
class Fnv {
 public:
  void add(const char* data, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      hash_ ^= static_cast<unsigned char>(data[i]);
      hash_ *= 0x100000001B3u;
    }
  }
  void add(std::uint64_t value) { add(reinterpret_cast<const char*>(&value), sizeof value); }
  std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xCBF29CE484222325u;
};

void add_file(Fnv& hash, const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return;
  hash.add(static_cast<std::uint64_t>(status.st_size));
  hash.add(static_cast<std::uint64_t>(status.st_mtim.tv_sec));
  hash.add(static_cast<std::uint64_t>(status.st_mtim.tv_nsec));
  constexpr std::streamoff kEnd = 65536;
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes(static_cast<std::size_t>(kEnd));
  for (const std::streamoff at :
       {std::streamoff{0}, std::max<std::streamoff>(0, status.st_size - kEnd)}) {
    file.clear();
    file.seekg(at);
    file.read(bytes.data(), kEnd);
    hash.add(bytes.data(), static_cast<std::size_t>(file.gcount()));
  }
}

}  // namespace

std::string fingerprint(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.is_regular_file(error)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  Fnv hash;
  for (const auto& file : files) {
    const std::string name = file.filename().string();
    hash.add(name.data(), name.size());
    add_file(hash, file);
  }
  char text[13];
  std::snprintf(text, sizeof text, "%012llx",
                static_cast<unsigned long long>(hash.value() & 0xFFFFFFFFFFFFu));
  return text;
}

}  // namespace narabi::service
