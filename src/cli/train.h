// The program that trains.
#pragma once

#include <string>

namespace narabi::cli {

// Path of narabi-train beside this binary. Throws Unsupported, saying how to build it, where it is
// missing.
std::string trainer_program();

// Before exec: the mask with which this program waits for Ctrl-C would outlive it.
void release_signals();

}  // namespace narabi::cli
