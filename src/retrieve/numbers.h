// Documents' numbers as segments and files of vectors hold them: ascending, mostly without gaps.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace narabi::retrieve {

// Where `number` stands; nothing when it does not. At once where no smaller one is missing.
inline std::optional<std::size_t> position_of(std::span<const std::uint32_t> numbers,
                                              std::uint32_t number) {
  if (numbers.empty() || number < numbers.front() || number > numbers.back()) return std::nullopt;
  const std::size_t latest = std::min<std::size_t>(number - numbers.front(), numbers.size() - 1);
  if (numbers[latest] == number) return latest;
  const auto end = numbers.begin() + static_cast<std::ptrdiff_t>(latest);
  const auto found = std::lower_bound(numbers.begin(), end, number);
  if (found == end || *found != number) return std::nullopt;
  return static_cast<std::size_t>(found - numbers.begin());
}

}  // namespace narabi::retrieve
