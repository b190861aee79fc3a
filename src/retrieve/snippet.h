// The part of a passage that shows why it was found.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace narabi::retrieve {

// At most `characters` of `text`, where most of the query's character pairs stand, "…" where
// something is left out. A short text comes back whole.
std::string snippet(std::string_view text, std::string_view query, std::size_t characters = 120);

}  // namespace narabi::retrieve
