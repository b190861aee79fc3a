// The program that trains.
#pragma once

#include <string>

namespace narabi::cli {

// Path of narabi-train beside this binary. Throws Unsupported, saying how to build it, where it is
// missing.
std::string trainer_program();

}  // namespace narabi::cli
