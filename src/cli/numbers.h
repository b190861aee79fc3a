// Checks of options that are numbers. CLI11's own let NaN pass, and spell a bound of 309 digits.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace narabi::cli {

// Each of them refuses what is no finite number, too.
CLI::Validator finite();
CLI::Validator at_least(double least);
CLI::Validator between(double least, double most);  // both inclusive

// `word`, or a whole number; both ends inclusive.
CLI::Validator word_or_whole(const std::string& word, int least, int most);

}  // namespace narabi::cli
