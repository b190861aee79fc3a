// Progress of long work on stderr: only on a terminal, or when asked for.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace narabi::cli {

// Lines of a file as a total to come, where progress will be shown and the file can be read twice;
// else 0.
std::size_t expected_lines(const std::string& path, bool forced);

class Progress {
 public:
  // total 0: unknown, then only the count and the rate are shown.
  Progress(std::string what, std::size_t total, bool forced);
  ~Progress();
  void start();  // shows that nothing is done yet: for work whose first add() comes late
  void add(std::size_t count);

 private:
  void show(bool last);

  std::string what_;
  std::size_t total_, done_ = 0;
  bool enabled_, shown_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace narabi::cli
