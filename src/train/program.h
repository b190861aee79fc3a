// The command line of narabi-train.
#pragma once

namespace narabi::train {

// The exit code: 0, 2 for wrong usage, 130 where Ctrl-C ended it. Throws Error.
int run_program(int argc, char** argv);

}  // namespace narabi::train
