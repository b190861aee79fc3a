// A place in text: a literal string or a regular expression, as tokenizer.json writes both.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace narabi::tokenize {

// A part of a text; the parts of one text follow each other without gaps.
struct Span {
  std::size_t begin = 0, end = 0;
  bool match = false;
};

// Immutable, shared between threads.
class Pattern {
 public:
  static Pattern literal(std::string text);
  // Oniguruma's dialect; throws Unsupported naming `where` for what to_icu() or ICU cannot read.
  static Pattern regex(const std::string& expression, const std::string& where);
  ~Pattern();
  Pattern(Pattern&&) noexcept;

  // Replaces `spans` by the whole of `text` as matches, which may be empty, and what is between
  // them.
  void find(std::string_view text, std::vector<Span>& spans) const;

 private:
  Pattern();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narabi::tokenize
