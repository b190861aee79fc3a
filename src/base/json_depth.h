// A guard for JSON that comes from outside: nlohmann's values are destroyed recursively, so a file
// that nests a million arrays would overflow the stack after a successful parse.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace narabi::base {

// Throws InvalidFormat naming `path` when `json` nests deeper than `limit`. Strings are skipped.
void check_json_depth(std::string_view json, std::size_t limit, const std::string& path);

}  // namespace narabi::base
