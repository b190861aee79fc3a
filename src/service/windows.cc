#include "service/windows.h"

#include <algorithm>

#include "base/utf8.h"

namespace narabi::service {
namespace {

struct Sentence {
  std::size_t begin = 0, end = 0;  // bytes
  int tokens = 0;
};

int count(const Tokenizer& tokenizer, std::string_view text) {
  return static_cast<int>(tokenizer.encode_plain(text).input_ids.size());
}

bool ends_sentence(char32_t c) {
  return c == U'。' || c == U'！' || c == U'？' || c == U'\n' || c == U'!' || c == U'?';
}

// Halves a sentence until its parts fit.
void add_fitting(const Tokenizer& tokenizer, std::string_view document, std::size_t begin,
                 std::size_t end, int budget, std::vector<Sentence>& out) {
  const std::string_view text = document.substr(begin, end - begin);
  const int tokens = count(tokenizer, text);
  const std::size_t half = begin + base::utf8_prefix(text, text.size() / 2).size();
  if (tokens <= budget || half == begin) {
    out.push_back({begin, end, tokens});
    return;
  }
  add_fitting(tokenizer, document, begin, half, budget, out);
  add_fitting(tokenizer, document, half, end, budget, out);
}

std::vector<Sentence> sentences(const Tokenizer& tokenizer, std::string_view document, int budget) {
  std::vector<Sentence> out;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < document.size();) {
    const char32_t c = base::next_code_point(document, at);
    if (!ends_sentence(c) && at < document.size()) continue;
    add_fitting(tokenizer, document, begin, at, budget, out);
    begin = at;
  }
  return out;
}

}  // namespace

std::vector<std::string_view> cut_windows(const Tokenizer& tokenizer, std::string_view document,
                                          int budget) {
  const std::vector<Sentence> parts = sentences(tokenizer, document, std::max(budget, 1));
  std::vector<std::string_view> windows;
  std::size_t first = 0;
  int tokens = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > first && tokens + parts[i].tokens > budget) {
      windows.push_back(document.substr(parts[first].begin, parts[i - 1].end - parts[first].begin));
      const bool overlap = parts[i - 1].tokens + parts[i].tokens <= budget && i - 1 > first;
      first = overlap ? i - 1 : i;
      tokens = overlap ? parts[i - 1].tokens : 0;
    }
    tokens += parts[i].tokens;
  }
  if (first < parts.size()) windows.push_back(document.substr(parts[first].begin));
  if (windows.empty()) windows.push_back(document);
  return windows;
}

}  // namespace narabi::service
