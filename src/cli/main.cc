#include "cli/program.h"

int main(int argc, char** argv) {
  return narabi::cli::run_program(argc, argv);
}
