#include "train/metrics_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/atomic_file.h"
#include "base/line_reader.h"
#include "narabi/error.h"

namespace narabi::train {
namespace {

using nlohmann::ordered_json;

constexpr double kWidth = 720, kHeight = 220, kLeft = 70, kBottom = 30, kMargin = 10;

// One figure: a polyline with its range at the axes.
std::string figure(const std::string& name, const std::vector<std::pair<double, double>>& curve) {
  double low = curve[0].second, high = low;
  for (const auto& [step, value] : curve) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (high == low) high = low + 1;
  const double first = curve.front().first, last = std::max(curve.back().first, first + 1);
  const auto x = [&](double step) {
    return kLeft + (step - first) / (last - first) * (kWidth - kLeft - kMargin);
  };
  const auto y = [&](double value) {
    return kMargin + (high - value) / (high - low) * (kHeight - kBottom - kMargin);
  };
  std::string points;
  for (const auto& [step, value] : curve)
    points += fmt::format("{:.1f},{:.1f} ", x(step), y(value));
  return fmt::format(
      "<figure><figcaption>{0}</figcaption>"
      "<svg viewBox=\"0 0 {1} {2}\" width=\"{1}\" height=\"{2}\" role=\"img\" aria-label=\"{0}: "
      "{3:.4g} "
      "to {4:.4g}\">"
      "<path d=\"M{5} {6}V{7}H{8}\" fill=\"none\" stroke=\"#888\"/>"
      "<polyline points=\"{9}\" fill=\"none\" stroke=\"#06c\" stroke-width=\"1.5\"/>"
      "<text x=\"4\" y=\"{10}\">{11:.4g}</text><text x=\"4\" y=\"{7}\">{12:.4g}</text>"
      "<text x=\"{5}\" y=\"{2}\">{13:.0f}</text>"
      "<text x=\"{8}\" y=\"{2}\" text-anchor=\"end\">{14:.0f}</text></svg></figure>\n",
      name, kWidth, kHeight, curve.front().second, curve.back().second, kLeft, kMargin,
      kHeight - kBottom, kWidth - kMargin, points, kMargin + 10, high, low, first, last);
}

}  // namespace

MetricsLog::MetricsLog(const std::string& folder, std::int64_t step, bool echo)
    : folder_(folder), echo_(echo), events_(folder) {
  const std::string path = folder + "/metrics.jsonl";
  std::string kept;
  if (std::filesystem::exists(path)) {
    std::istringstream lines(base::read_file(path));
    for (std::string line; std::getline(lines, line);) {
      const ordered_json object = ordered_json::parse(line, nullptr, false);
      if (!object.is_object() || !object.contains("step") || object["step"] > step) continue;
      kept += line + "\n";
      for (const auto& [name, value] : object.items()) {
        if (name != "step" && value.is_number())
          keep(object["step"].get<std::int64_t>(), name, value.get<double>());
      }
    }
  }
  base::AtomicFile file(path);
  file.write(kept);
  file.commit();
}

void MetricsLog::keep(std::int64_t step, const std::string& name, double value) {
  if (!curves_.contains(name)) names_.push_back(name);
  if (std::isfinite(value)) curves_[name].emplace_back(static_cast<double>(step), value);
}

void MetricsLog::add(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) {
  ordered_json line = {{"step", step}};
  for (const auto& [name, value] : values) {
    line[name] = value;
    events_.scalar(name, step, value);
    keep(step, name, value);
  }
  if (echo_) {
    fmt::print("{}\n", line.dump());
    std::fflush(stdout);
  }
  std::ofstream file(folder_ + "/metrics.jsonl", std::ios::app);
  file << line.dump() << '\n';
  if (!file.flush()) throw IoError(folder_ + "/metrics.jsonl: cannot write (disk full?)");
}

void MetricsLog::write_report(const std::string& title) const {
  std::string page = fmt::format(
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{0}</title>"
      "<style>body{{font:14px sans-serif;margin:2em}}text{{font-size:11px}}</style>"
      "<h1>{0}</h1>\n",
      title);
  for (const std::string& name : names_) {
    const auto found = curves_.find(name);
    if (found != curves_.end() && !found->second.empty()) page += figure(name, found->second);
  }
  base::AtomicFile file(folder_ + "/report.html");
  file.write(page + "</html>\n");
  file.commit();
}

}  // namespace narabi::train
