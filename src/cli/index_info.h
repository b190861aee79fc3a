// narabi index info: what an index holds.
#pragma once

#include <string>

namespace narabi::cli {

// A table, or one JSON line, to stdout.
void show_info(const std::string& folder, bool json);

}  // namespace narabi::cli
