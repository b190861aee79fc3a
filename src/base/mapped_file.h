// A file seen as bytes, mapped read-only.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace narabi::base {

// Movable owner of one mapping. Bytes stay valid as long as the object lives.
class MappedFile {
 public:
  // Throws IoError naming the path when it is missing, unreadable or no regular file.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }
  const std::string& path() const { return path_; }

  // Gives the pages of some of a mapping's bytes back; who reads them again gets them again.
  static void forget(std::span<const std::byte> bytes);

 private:
  std::string path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace narabi::base
