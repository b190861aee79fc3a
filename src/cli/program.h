// The command line of narabi: its commands, and what their errors become.
#pragma once

namespace narabi::cli {

// The exit code: 0, 1 for an error, 2 for wrong usage, 130 where Ctrl-C ended it. Throws nothing.
int run_program(int argc, char** argv);

}  // namespace narabi::cli
