#include "base/json_depth.h"

#include "narabi/error.h"

namespace narabi::base {

void check_json_depth(std::string_view json, std::size_t limit, const std::string& path) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > limit) {
        throw InvalidFormat(path + ": JSON nested deeper than " + std::to_string(limit) +
                            " levels at byte " + std::to_string(i));
      }
    } else if (c == ']' || c == '}') {
      if (depth > 0) --depth;
    }
  }
}

}  // namespace narabi::base
