// Ctrl-C, and a reader that went away.
#pragma once

namespace narabi::cli {

struct Interrupted {};   // thrown by check_interrupt(): exit code 130
struct OutputClosed {};  // the reader of stdout is gone: exit code 1, nothing to say

// From now on Ctrl-C is noticed by check_interrupt(); a second one ends the process at once.
void watch_for_interrupt();
void check_interrupt();  // throws Interrupted

}  // namespace narabi::cli
