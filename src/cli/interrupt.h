// Ctrl-C, and a reader that went away.
#pragma once

#include <string>

namespace narabi::cli {

struct Interrupted {};   // thrown by check_interrupt(): exit code 130
struct OutputClosed {};  // the reader of stdout is gone, as in `narabi ... | head`: nothing to say

// Before any thread is started. From now on Ctrl-C is noticed by check_interrupt(). Where nobody
// looks within two seconds (waiting for input, a long batch), and at a second Ctrl-C, the process
// ends with exit code 130 all the same, but never inside WholeLines.
void watch_for_interrupt();
void check_interrupt();  // throws Interrupted

// Around the writing of whole lines. Not recursive.
class WholeLines {
 public:
  WholeLines();
  ~WholeLines();
  WholeLines(const WholeLines&) = delete;
  WholeLines& operator=(const WholeLines&) = delete;
};

// While one lives, the unfinished file at `path` is removed when the process is ended. One at a
// time.
class RemoveOnInterrupt {
 public:
  explicit RemoveOnInterrupt(const std::string& path);
  ~RemoveOnInterrupt();
  RemoveOnInterrupt(const RemoveOnInterrupt&) = delete;
  RemoveOnInterrupt& operator=(const RemoveOnInterrupt&) = delete;
};

}  // namespace narabi::cli
