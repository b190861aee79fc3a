// Whether something stands at a path. std::filesystem's own questions throw filesystem_error for a
// name that is too long or a ring of links; what a model folder says about itself may hold both.
#pragma once

#include <filesystem>

namespace narabi::base {

// False when nothing is there. Throw IoError naming the path when the system cannot say.
bool exists(const std::filesystem::path& path);
bool is_file(const std::filesystem::path& path);    // a regular file, through links
bool is_folder(const std::filesystem::path& path);  // through links

}  // namespace narabi::base
