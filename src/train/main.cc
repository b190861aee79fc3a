// narabi-train: what `narabi train` and `narabi distill` run. A program of its own, so that the one
// that scores needs no libtorch.
#include <cstdio>
#include <exception>

#include "train/program.h"

int main(int argc, char** argv) {
  try {
    return narabi::train::run_program(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "narabi: %s\n", error.what());
    return 1;
  }
}
