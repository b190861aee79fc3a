// The folder of an index: where its files are, who may write, what a crash left behind.
#pragma once

#include <set>
#include <string>

namespace narabi::retrieve {

// INDEX/store.sqlite and INDEX/segments/*; INDEX/lock is empty and only locked.
std::string segments_folder(const std::string& folder);
std::string segment_path(const std::string& folder, const std::string& file);

// Throws IoError naming the folder when it cannot be made or is something else.
void make_index_folder(const std::string& folder);
// Throws IoError when there is no index in `folder`.
void check_index_folder(const std::string& folder);

// After a rename: the name itself becomes durable.
void sync_folder(const std::string& folder);

// Removes what stands in the folder of segments and not in `known`.
void drop_orphans(const std::string& folder, const std::set<std::string>& known);

// Held as long as a writer lives; the system lets go of it when the process ends, however it ends.
class WriterLock {
 public:
  explicit WriterLock(const std::string& folder);  // throws Overloaded when another one holds it
  ~WriterLock();
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace narabi::retrieve
