#include "base/paths.h"

#include <string>
#include <system_error>

#include "narabi/error.h"

namespace narabi::base {
namespace {

namespace fs = std::filesystem;

fs::file_type type_of(const fs::path& path) {
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  if (type == fs::file_type::none)
    throw IoError(path.string() + ": cannot look there: " + error.message());
  return type;
}

}  // namespace

bool exists(const fs::path& path) {
  return type_of(path) != fs::file_type::not_found;
}
bool is_file(const fs::path& path) {
  return type_of(path) == fs::file_type::regular;
}
bool is_folder(const fs::path& path) {
  return type_of(path) == fs::file_type::directory;
}

}  // namespace narabi::base
