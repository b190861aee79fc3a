// One run to an output folder: a second would overwrite its checkpoints and its model.
#pragma once

#include <string>

namespace narabi::train {

// Held as long as it lives; the system lets it go when the process ends, however it ends. Leaves no
// file. Throws Overloaded where another process holds it, IoError where the folder cannot be
// opened.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace narabi::train
