// SipHash-2-4 with 128 bits of output (Aumasson and Bernstein 2012, and the reference code's
// 128-bit variant): a keyed hash for tables whose keys strangers choose.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace narabi::service {

std::array<std::uint64_t, 2> siphash128(const std::array<std::uint64_t, 2>& key,
                                        std::string_view data);

}  // namespace narabi::service
