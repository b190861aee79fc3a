#include "retrieve/snippet.h"

#include <set>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "text/unicode.h"

namespace narabi::retrieve {
namespace {

using CharacterPair = std::pair<char32_t, char32_t>;

bool is_pair(char32_t a, char32_t b) {
  return text::is_letter_or_number(a) && text::is_letter_or_number(b);
}

// Pairs of kana alone are endings and particles: half as telling.
int weight_of(const CharacterPair& pair) {
  return text::is_hiragana(pair.first) && text::is_hiragana(pair.second) ? 1 : 4;
}

}  // namespace

std::string snippet(std::string_view text, std::string_view query, std::size_t characters) {
  const std::u32string all = base::to_utf32(text), asked = base::to_utf32(query);
  if (all.size() <= characters) return std::string(text);
  std::set<CharacterPair> wanted;
  for (std::size_t i = 0; i + 1 < asked.size(); ++i) {
    if (is_pair(asked[i], asked[i + 1])) wanted.emplace(asked[i], asked[i + 1]);
  }
  // Gains of the pairs inside a window that slides over the text.
  std::vector<int> gains(all.size(), 0);
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    const CharacterPair pair(all[i], all[i + 1]);
    if (wanted.contains(pair)) gains[i] = weight_of(pair);
  }
  long sum = 0, best = -1;
  std::size_t begin = 0, end = 0;  // the first of the best windows, and the last in one stretch
  for (std::size_t i = 0; i < all.size(); ++i) {
    sum += gains[i];
    if (i >= characters) sum -= gains[i - characters];
    if (i + 1 < characters || sum < best) continue;
    const std::size_t window = i + 1 - characters;
    if (sum == best && window != end + 1) continue;
    if (sum > best) begin = window;
    best = sum;
    end = window;
  }
  begin = best > 0 ? begin + (end - begin) / 2 : 0;  // the match in the middle
  std::string out = begin > 0 ? "…" : "";
  out += base::to_utf8(std::u32string_view(all).substr(begin, characters));
  return begin + characters < all.size() ? out + "…" : out;
}

}  // namespace narabi::retrieve
