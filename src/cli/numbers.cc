#include "cli/numbers.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <limits>

namespace narabi::cli {
namespace {

constexpr double kHighest = std::numeric_limits<double>::max();

CLI::Validator number(double least, double most, const std::string& wanted,
                      const std::string& in_help) {
  const auto check = [=](const std::string& value) -> std::string {
    char* end = nullptr;
    const double found = std::strtod(value.c_str(), &end);
    const bool good = !value.empty() && *end == '\0' && found >= least && found <= most;
    return good ? "" : "expected " + wanted + ", found " + value;
  };
  return {check, in_help};
}

}  // namespace

CLI::Validator finite() {
  return number(-kHighest, kHighest, "a finite number", "");
}

CLI::Validator at_least(double least) {
  return number(least, kHighest, fmt::format("a number of at least {}", least),
                fmt::format("from {}", least));
}

CLI::Validator between(double least, double most) {
  return number(least, most, fmt::format("a number from {} to {}", least, most),
                fmt::format("from {} to {}", least, most));
}

CLI::Validator word_or_whole(const std::string& word, int least, int most) {
  const auto check = [=](const std::string& value) -> std::string {
    int found = 0;
    const char* const last = value.data() + value.size();
    const auto [end, error] = std::from_chars(value.data(), last, found);
    const bool whole = error == std::errc() && end == last && found >= least && found <= most;
    if (whole || value == word) return "";
    return fmt::format("expected {} or a whole number from {} to {}, found {}", word, least, most,
                       value);
  };
  return {check, fmt::format("{}, or from {}", word, least)};
}

}  // namespace narabi::cli
