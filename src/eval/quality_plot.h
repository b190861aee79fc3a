// Quality against latency as an SVG: a line per reranker, a point per depth, and each first stage
// as a dashed line.
#pragma once

#include <string>
#include <vector>

namespace narabi::eval {

struct QualityPlot {
  struct Point {
    double ms = 0;     // of a query, > 0
    double value = 0;  // of the metric
    std::string label;
  };
  struct Series {
    std::string name;
    std::vector<Point> points;
  };
  struct Level {
    std::string name;
    double value = 0;
  };
  std::string title, metric;
  std::vector<Series> series;
  std::vector<Level> levels;
};

// A whole SVG file: no scripts, no fonts or files from elsewhere. Time is logarithmic.
std::string to_svg(const QualityPlot& plot);

}  // namespace narabi::eval
