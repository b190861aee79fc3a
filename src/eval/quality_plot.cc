#include "eval/quality_plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace narabi::eval {
namespace {

constexpr double kWidth = 860, kHeight = 480;
constexpr double kLeft = 70, kRight = 250, kTop = 52, kBottom = 56;
constexpr double kLegend = 20;  // between two lines of it
// Okabe and Ito's palette, which colour-blind people tell apart.
constexpr std::array<const char*, 6> kColours = {"#0072b2", "#d55e00", "#009e73",
                                                 "#cc79a7", "#e69f00", "#56b4e9"};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

std::string number(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

// A range that is never empty, with some room at both ends.
struct Range {
  double low = INFINITY, high = -INFINITY;
  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  void widen(double least) {
    if (!(low <= high)) low = high = 0;
    const double room = std::max(least, (high - low) * 0.08);
    low -= room;
    high += room;
  }
  double share(double value) const { return (value - low) / (high - low); }
};

class Drawing {
 public:
  explicit Drawing(const QualityPlot& plot) : plot_(plot) {
    for (const auto& series : plot.series) {
      for (const auto& point : series.points) {
        x_.add(std::log10(point.ms));
        y_.add(point.value);
      }
    }
    for (const auto& level : plot.levels) y_.add(level.value);
    x_.widen(0.1);
    y_.widen(0.002);
  }

  std::string svg() {
    out_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + number(kWidth, 0) + " " +
           number(kHeight, 0) + "\" font-family=\"sans-serif\" font-size=\"12\">\n" +
           "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
    text(kLeft, 24, "start", plot_.title, "#222222", 15);
    axes();
    std::size_t colour = 0;
    for (const auto& level : plot_.levels) draw_level(level, kColours[colour++ % kColours.size()]);
    for (const auto& series : plot_.series)
      draw_series(series, kColours[colour++ % kColours.size()]);
    return out_ + "</svg>\n";
  }

 private:
  double x(double ms) const { return kLeft + x_.share(std::log10(ms)) * (kWidth - kLeft - kRight); }
  double y(double value) const {
    return kHeight - kBottom - y_.share(value) * (kHeight - kTop - kBottom);
  }

  void line(double x1, double y1, double x2, double y2, const std::string& colour,
            const char* more = "") {
    out_ += "<line x1=\"" + number(x1, 1) + "\" y1=\"" + number(y1, 1) + "\" x2=\"" +
            number(x2, 1) + "\" y2=\"" + number(y2, 1) + "\" stroke=\"" + colour + "\"" + more +
            "/>\n";
  }
  void text(double at_x, double at_y, const char* anchor, const std::string& what,
            const std::string& colour, int size = 12) {
    out_ += "<text x=\"" + number(at_x, 1) + "\" y=\"" + number(at_y, 1) + "\" text-anchor=\"" +
            anchor + "\" fill=\"" + colour + "\" font-size=\"" + std::to_string(size) + "\">" +
            escaped(what) + "</text>\n";
  }

  void axes() {
    const double bottom = kHeight - kBottom, right = kWidth - kRight;
    for (int i = 0; i <= 5; ++i) {
      const double value = y_.low + (y_.high - y_.low) * i / 5;
      line(kLeft, y(value), right, y(value), "#dddddd");
      text(kLeft - 8, y(value) + 4, "end", number(value, 4), "#444444");
    }
    for (int power = -2; power <= 6; ++power) {
      for (const int step : {1, 2, 5}) {
        const double ms = step * std::pow(10.0, power);
        if (std::log10(ms) < x_.low || std::log10(ms) > x_.high) continue;
        line(x(ms), kTop, x(ms), bottom, "#eeeeee");
        text(x(ms), bottom + 18, "middle", number(ms, ms < 1 ? 2 : 0), "#444444");
      }
    }
    line(kLeft, bottom, right, bottom, "#444444");
    line(kLeft, kTop, kLeft, bottom, "#444444");
    text((kLeft + right) / 2, kHeight - 14, "middle", "ms per query (logarithmic)", "#444444");
    text(12, kTop - 12, "start", plot_.metric, "#444444");
  }

  void legend(const std::string& name, const std::string& colour, const char* more) {
    const double at = kTop + 8 + kLegend * legends_++, begin = kWidth - kRight + 16;
    line(begin, at, begin + 22, at, colour, more);
    text(begin + 28, at + 4, "start", name, "#222222");
  }

  void draw_level(const QualityPlot::Level& level, const std::string& colour) {
    line(kLeft, y(level.value), kWidth - kRight, y(level.value), colour,
         " stroke-dasharray=\"5 4\"");
    legend(level.name, colour, " stroke-dasharray=\"5 4\"");
  }

  void draw_series(const QualityPlot::Series& series, const std::string& colour) {
    std::string path;
    for (const auto& point : series.points)
      path += number(x(point.ms), 1) + "," + number(y(point.value), 1) + " ";
    out_ += "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"" + colour + "\" points=\"" +
            path + "\"/>\n";
    for (const auto& point : series.points) {
      out_ += "<circle r=\"4\" cx=\"" + number(x(point.ms), 1) + "\" cy=\"" +
              number(y(point.value), 1) + "\" fill=\"" + colour + "\"/>\n";
      text(x(point.ms), y(point.value) - 9, "middle", point.label, colour, 11);
    }
    legend(series.name, colour, " stroke-width=\"2\"");
  }

  const QualityPlot& plot_;
  Range x_, y_;
  std::string out_;
  int legends_ = 0;
};

}  // namespace

std::string to_svg(const QualityPlot& plot) {
  return Drawing(plot).svg();
}

}  // namespace narabi::eval
