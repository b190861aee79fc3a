// XXH3 (64 bits) of bytes and files: tells damage and another version apart, guards no secret.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace narabi::base {

std::uint64_t checksum(std::span<const std::byte> bytes);

// Of a file's bytes, read piece by piece: a large file takes no memory. Throws IoError.
std::uint64_t file_checksum(const std::string& path);

// "xxh3:" and 16 hexadecimal digits, as files and messages hold it.
std::string checksum_text(std::uint64_t checksum);

}  // namespace narabi::base
