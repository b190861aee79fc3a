// What a run reports: a line of JSON per measurement, TensorBoard events, and a page of curves.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "train/tensorboard.h"

namespace narabi::train {

class MetricsLog {
 public:
  // FOLDER/metrics.jsonl, FOLDER/events.out.tfevents.*, FOLDER/report.html. Of an older
  // metrics.jsonl the lines up to `step` are kept: what came after is about to be done again.
  // `echo`: every line on stdout, too.
  MetricsLog(const std::string& folder, std::int64_t step, bool echo = false);

  void add(std::int64_t step, const std::vector<std::pair<std::string, double>>& values);
  // Curves of all values by step, one figure each.
  void write_report(const std::string& title) const;

 private:
  using Curve = std::vector<std::pair<double, double>>;
  void keep(std::int64_t step, const std::string& name, double value);

  std::string folder_;
  bool echo_ = false;
  TensorBoard events_;
  std::vector<std::string> names_;  // in order of appearance
  std::map<std::string, Curve> curves_;
};

}  // namespace narabi::train
