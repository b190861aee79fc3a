#include "tokenize/oniguruma.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/utf8.h"
#include "narabi/error.h"

namespace narabi::tokenize {
namespace {

// \w within a set, and [:word:]; ICU's \w has Join_Control, too. Alone it also has what Latin-1 has
// of numbers.
constexpr std::string_view kWordInSet = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
constexpr std::string_view kWord =
    "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}";

constexpr std::string_view kProperties[] = {
    "L",      "Lu",          "Ll",        "Lt",        "Lm",        "Lo",     "M",
    "Mn",     "Mc",          "Me",        "N",         "Nd",        "Nl",     "No",
    "P",      "Pc",          "Pd",        "Ps",        "Pe",        "Pi",     "Pf",
    "Po",     "S",           "Sm",        "Sc",        "Sk",        "So",     "Z",
    "Zs",     "Zl",          "Zp",        "Cc",        "Letter",    "Mark",   "Number",
    "Symbol", "Punctuation", "Separator", "Uppercase", "Lowercase", "Han",    "Latin",
    "Thai",   "Hiragana",    "Katakana",  "Greek",     "Cyrillic",  "Hangul", "Bopomofo",
    "Arabic", "Hebrew"};

constexpr std::pair<std::string_view, std::string_view> kBrackets[] = {
    {"[:space:]", "\\s"},
    {"[:digit:]", "\\p{Nd}"},
    {"[:upper:]", "\\p{Uppercase}"},
    {"[:lower:]", "\\p{Lowercase}"},
    {"[:punct:]", "\\p{P}\\p{S}"},
    {"[:word:]", kWordInSet}};

bool is_letter_or_digit(char32_t c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

class Translator {
 public:
  Translator(std::string_view expression, const std::string& where)
      : whole_(expression), rest_(expression), where_(where) {}

  std::string translate() {
    if (take("(?i)")) out_ += "(?i)";
    while (!rest_.empty()) {
      if (take("^")) {
        // At the end of a text that ends with a line break there is no line.
        out_ += "(?:\\A|(?<=\\n)(?!\\z))";
      } else if (take("$")) {
        out_ += "(?:\\z|(?=\\n))";
      } else if (take(".")) {
        out_ += "[^\\n]";
        quantifier();
      } else if (take("|")) {
        out_ += '|';
      } else if (take(")")) {
        out_ += ')';
        quantifier();
      } else if (rest_.front() == '(') {
        group();
      } else {
        atom();
        quantifier();
      }
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void refuse(std::string_view what) const {
    throw Unsupported(where_ + ": regular expression " + std::string(whole_) + ": " +
                      std::string(what) + " at byte " +
                      std::to_string(whole_.size() - rest_.size()) +
                      " is not known to mean the same here as in the tokenizers library");
  }

  bool take(std::string_view prefix) {
    if (!rest_.starts_with(prefix)) return false;
    rest_.remove_prefix(prefix.size());
    return true;
  }

  char32_t next() {
    std::size_t offset = 0;
    const char32_t c = base::next_code_point(rest_, offset);
    rest_.remove_prefix(offset);
    return c;
  }

  void group() {
    for (const std::string_view start : {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:"}) {
      if (!take(start)) continue;
      out_ += start;
      return;
    }
    if (rest_.starts_with("(?") || rest_.starts_with("(*")) refuse("this group");
    take("(");
    out_ += '(';
  }

  void atom() {
    if (rest_.front() == '[') {
      set();
    } else if (rest_.front() == '\\') {
      if (escape_outside_sets()) return;
      if (const auto c = escaped_character()) return literal(*c);
      class_escape(false);
    } else if (std::string_view("*+?{").find(rest_.front()) != std::string_view::npos) {
      refuse("a quantifier of nothing");
    } else {
      literal(next());
    }
  }

  void literal(char32_t c) {
    if (is_letter_or_digit(c) || c > 0x7F) {
      base::append_utf8(out_, c);
    } else {
      const char digits[] = "0123456789ABCDEF";
      out_ += std::string("\\x{") + digits[c >> 4] + digits[c & 15] + '}';
    }
  }

  // {n,m}, {n,}, {n}; `size` of its text, 0 where it is none of them.
  static std::size_t interval(std::string_view text) {
    const std::size_t end = text.find('}');
    if (!text.starts_with('{') || end == std::string_view::npos || end < 2) return 0;
    const std::string_view inside = text.substr(1, end - 1);
    const bool good = is_letter_or_digit(static_cast<unsigned char>(inside.front())) &&
                      inside.find_first_not_of("0123456789,") == std::string_view::npos &&
                      std::count(inside.begin(), inside.end(), ',') <= 1;
    return good ? end + 1 : 0;
  }

  void quantifier() {
    if (rest_.empty()) return;
    if (const std::size_t size = interval(rest_); size > 0) {
      out_ += rest_.substr(0, size);
      const bool exact = rest_.substr(0, size).find(',') == std::string_view::npos;
      rest_.remove_prefix(size);
      if (!exact && take("?")) out_ += '?';
    } else if (rest_.front() == '*' || rest_.front() == '+' || rest_.front() == '?') {
      out_ += rest_.front();
      rest_.remove_prefix(1);
      if (!rest_.empty() && (rest_.front() == '?' || rest_.front() == '+')) {
        out_ += rest_.front();
        rest_.remove_prefix(1);
      }
    }
    if (!rest_.empty() && std::string_view("*+?{").find(rest_.front()) != std::string_view::npos)
      refuse("this quantifier");
  }

  bool escape_outside_sets() {
    const std::string word = "[" + std::string(kWord) + "]";
    if (take("\\b")) {
      out_ += "(?:(?<=" + word + ")(?!" + word + ")|(?<!" + word + ")(?=" + word + "))";
    } else if (take("\\B")) {
      out_ += "(?:(?<=" + word + ")(?=" + word + ")|(?<!" + word + ")(?!" + word + "))";
    } else if (take("\\A")) {
      out_ += "\\A";
    } else if (take("\\z")) {
      out_ += "\\z";
    } else if (take("\\R")) {
      out_ += "\\R";
    } else {
      return false;
    }
    return true;
  }

  // \n, \., \x41, \x{3042}, \u3042; nothing is taken where it is none of them.
  std::optional<char32_t> escaped_character() {
    if (rest_.size() < 2) refuse("a backslash at the end");
    constexpr std::pair<char, char32_t> kControls[] = {
        {'n', U'\n'}, {'t', U'\t'}, {'r', U'\r'}, {'f', U'\f'}, {'a', U'\a'}};
    for (const auto& [letter, character] : kControls) {
      if (rest_[1] != letter) continue;
      rest_.remove_prefix(2);
      return character;
    }
    if (rest_.starts_with("\\x{")) return hexadecimal(3, rest_.find('}'), 1, 0x10FFFF);
    if (rest_[1] == 'x') return hexadecimal(2, 4, 0, 0x7F);  // above: a byte, not a character
    if (rest_[1] == 'u') return hexadecimal(2, 6, 0, 0xFFFF);
    if (is_letter_or_digit(static_cast<unsigned char>(rest_[1]))) return std::nullopt;
    take("\\");
    return next();
  }

  // The digits from `begin` to `end` of the rest, which goes on `after` behind them.
  char32_t hexadecimal(std::size_t begin, std::size_t end, std::size_t after,
                       std::uint32_t largest) {
    std::uint32_t value = 0;
    if (end == std::string_view::npos || end > rest_.size()) refuse("an escape without an end");
    const auto [stop, error] = std::from_chars(rest_.data() + begin, rest_.data() + end, value, 16);
    const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (error != std::errc() || stop != rest_.data() + end || value > largest || surrogate)
      refuse("this escape");
    rest_.remove_prefix(end + after);
    return value;
  }

  // \s, \w, \p{L} and the like.
  void class_escape(bool in_set) {
    for (const std::string_view same : {"\\s", "\\S", "\\d", "\\D"}) {
      if (!take(same)) continue;
      out_ += same;
      return;
    }
    const std::string word(in_set ? kWordInSet : kWord);
    const std::pair<std::string_view, std::string> classes[] = {{"\\w", "[" + word + "]"},
                                                                {"\\W", "[^" + word + "]"},
                                                                {"\\h", "[0-9a-fA-F]"},
                                                                {"\\H", "[^0-9a-fA-F]"}};
    for (const auto& [escape, meaning] : classes) {
      if (!take(escape)) continue;
      out_ += meaning;
      return;
    }
    for (const std::string_view property : kProperties) {
      for (const char* sign : {"\\p{", "\\P{"}) {
        const std::string escape = sign + std::string(property) + "}";
        if (!take(escape)) continue;
        out_ += escape;
        return;
      }
    }
    refuse("this escape");
  }

  bool bracket_in_set() {
    for (const auto& [name, meaning] : kBrackets) {
      if (!take(name)) continue;
      out_ += meaning;
      return true;
    }
    return false;
  }

  // A character of a set; none where a class stands there, which is taken.
  std::optional<char32_t> set_member() {
    if (rest_.starts_with("&&")) refuse("an intersection");
    if (rest_.front() == '[') {
      if (!bracket_in_set()) refuse("a set in a set");
      return std::nullopt;
    }
    if (rest_.front() != '\\') return next();
    if (const auto c = escaped_character()) return c;
    class_escape(true);
    return std::nullopt;
  }

  void set() {
    take("[");
    out_ += '[';
    if (take("^")) out_ += '^';
    if (rest_.starts_with(']')) refuse("an empty set");
    for (bool first = true; !take("]"); first = false) {
      if (rest_.empty()) refuse("a set without an end");
      const bool hyphen = rest_.front() == '-';
      if (hyphen && !first && !rest_.starts_with("-]")) refuse("this hyphen");
      const auto from = set_member();
      const bool range = rest_.starts_with('-') && !rest_.starts_with("-]");
      if (from) literal(*from);
      if (!range) continue;
      if (!from || hyphen) refuse("this hyphen");
      take("-");
      if (rest_.empty()) refuse("a set without an end");
      out_ += '-';
      const auto to = set_member();
      if (!to) refuse("this range");
      literal(*to);
    }
    out_ += ']';
  }

  std::string_view whole_, rest_;
  const std::string& where_;
  std::string out_;
};

}  // namespace

std::string to_icu(std::string_view expression, const std::string& where) {
  return Translator(expression, where).translate();
}

}  // namespace narabi::tokenize
