#include "base/paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "narabi/error.h"

namespace narabi::base {
namespace {

namespace fs = std::filesystem;

class Paths : public testing::Test {
 protected:
  Paths() {
    std::string pattern = (fs::temp_directory_path() / "narabi-paths-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Paths() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST_F(Paths, tell_files_folders_and_nothing_apart) {
  EXPECT_TRUE(base::is_folder(folder_));
  EXPECT_FALSE(base::is_file(folder_));
  EXPECT_FALSE(base::exists(folder_ / "none"));
  EXPECT_FALSE(base::exists(folder_ / "none" / "below"));
}

TEST_F(Paths, say_what_the_system_cannot_answer_as_an_error_of_the_family) {
  fs::create_symlink("ring", folder_ / "ring");
  for (const fs::path& path : {folder_ / "ring", folder_ / std::string(300, 'x')}) {
    try {
      base::exists(path);
      FAIL() << path;
    } catch (const IoError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr(path.string() + ": cannot look there: "));
    }
  }
}

}  // namespace
}  // namespace narabi::base
