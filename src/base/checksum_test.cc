#include "base/checksum.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "narabi/error.h"

namespace narabi::base {
namespace {

TEST(Checksum, of_a_file_is_that_of_its_bytes) {
  const std::string path = testing::TempDir() + "narabi-checksum-test";
  for (const std::size_t size : {0, 1, 300'000, 1'000'000}) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + (i >> 9));
    std::ofstream(path, std::ios::binary) << bytes;
    EXPECT_EQ(file_checksum(path), checksum(std::as_bytes(std::span(bytes)))) << size;
  }
  std::remove(path.c_str());
}

TEST(Checksum, differs_where_a_bit_does) {
  std::string bytes(1000, 'a');
  const std::uint64_t before = checksum(std::as_bytes(std::span(bytes)));
  bytes[500] ^= 1;
  EXPECT_NE(checksum(std::as_bytes(std::span(bytes))), before);
}

TEST(Checksum, of_a_file_that_is_not_there_is_an_error) {
  EXPECT_THROW(file_checksum("/no/such/file"), IoError);
  EXPECT_THROW(file_checksum("/"), IoError);
}

// The value of xxHash's own documentation for no bytes, so that files outlive this library.
TEST(Checksum, is_xxh3) {
  EXPECT_EQ(checksum({}), 0x2D06800538D394C2u);
  EXPECT_EQ(checksum_text(0x2D), "xxh3:000000000000002d");
}

}  // namespace
}  // namespace narabi::base
