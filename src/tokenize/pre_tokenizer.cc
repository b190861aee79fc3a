#include "tokenize/pre_tokenizer.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/utf8.h"
#include "text/unicode.h"

namespace narabi::tokenize {
namespace {

// Finds the spans of a text: all of it, as matches and what is between.
using Finder = std::function<std::vector<Span>(std::string_view)>;

// Every character that `is` accepts is a match of its own.
template <typename Is>
Finder each(Is is) {
  return [is](std::string_view text) {
    std::vector<Span> spans;
    for (std::size_t offset = 0; offset < text.size();) {
      const std::size_t begin = offset;
      const bool match = is(base::next_code_point(text, offset));
      if (!match && !spans.empty() && !spans.back().match) {
        spans.back().end = offset;
      } else {
        spans.push_back({begin, offset, match});
      }
    }
    return spans;
  };
}

bool is_bert_punctuation(char32_t c) {
  const bool ascii = (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
                     (c >= 123 && c <= 126);
  return ascii || text::is_punctuation(c);
}

// Joins spans so that what is left are the pieces, as the tokenizers library folds them.
std::vector<Span> fold(std::vector<Span> spans, SplitBehavior behavior) {
  std::vector<Span> out;
  bool previous = false;
  const auto join_match = [&](const Span& span, auto grow) {
    if (span.match && !previous && !out.empty()) {
      grow(out.back(), span);
    } else {
      out.push_back(span);
    }
    previous = span.match;
  };
  switch (behavior) {
    case SplitBehavior::kIsolated:
      return spans;
    case SplitBehavior::kRemoved:
      std::erase_if(spans, [](const Span& span) { return span.match; });
      return spans;
    case SplitBehavior::kContiguous:
      for (const Span& span : spans) {
        if (!out.empty() && span.match == previous) {
          out.back().end = span.end;
        } else {
          out.push_back(span);
        }
        previous = span.match;
      }
      return out;
    case SplitBehavior::kMergedWithPrevious:
      for (const Span& span : spans) {
        join_match(span, [](Span& into, const Span& from) { into.end = from.end; });
      }
      return out;
    case SplitBehavior::kMergedWithNext:
      std::reverse(spans.begin(), spans.end());
      for (const Span& span : spans) {
        join_match(span, [](Span& into, const Span& from) { into.begin = from.begin; });
      }
      std::reverse(out.begin(), out.end());
      return out;
  }
  return spans;
}

void split_pieces(std::vector<Piece>& pieces, const Finder& find, SplitBehavior behavior) {
  std::vector<Piece> out;
  for (const Piece& piece : pieces) {
    for (const Span& span : fold(find(piece.text), behavior)) {
      if (span.begin == span.end) continue;
      out.push_back({piece.text.substr(span.begin, span.end - span.begin),
                     piece.at_start && span.begin == 0});
    }
  }
  pieces = std::move(out);
}

class Splitter final : public PreTokenizer {
 public:
  Splitter(Finder find, SplitBehavior behavior) : find_(std::move(find)), behavior_(behavior) {}
  void apply(std::vector<Piece>& pieces) const override { split_pieces(pieces, find_, behavior_); }

 private:
  Finder find_;
  SplitBehavior behavior_;
};

PreTokenizerPtr splitter(Finder find, SplitBehavior behavior) {
  return std::make_unique<Splitter>(std::move(find), behavior);
}

class Sequence final : public PreTokenizer {
 public:
  explicit Sequence(std::vector<PreTokenizerPtr> parts) : parts_(std::move(parts)) {}
  void apply(std::vector<Piece>& pieces) const override {
    for (const PreTokenizerPtr& part : parts_) part->apply(pieces);
  }

 private:
  std::vector<PreTokenizerPtr> parts_;
};

class Metaspace final : public PreTokenizer {
 public:
  explicit Metaspace(MetaspaceOptions options)
      : options_(std::move(options)), replacement_(Pattern::literal(options_.replacement)) {}

  void apply(std::vector<Piece>& pieces) const override {
    for (Piece& piece : pieces) {
      replace_spaces(piece.text);
      const bool wanted = options_.prepend == PrependScheme::kAlways ||
                          (options_.prepend == PrependScheme::kFirst && piece.at_start);
      if (wanted && !piece.text.starts_with(options_.replacement)) {
        piece.text.insert(0, options_.replacement);
      }
    }
    if (options_.split) {
      split_pieces(
          pieces, [this](std::string_view text) { return replacement_.find(text); },
          SplitBehavior::kMergedWithNext);
    }
  }

 private:
  void replace_spaces(std::string& text) const {
    if (text.find(' ') == std::string::npos) return;
    std::string out;
    out.reserve(text.size() + 16);
    for (const char c : text) {
      if (c == ' ') {
        out += options_.replacement;
      } else {
        out += c;
      }
    }
    text = std::move(out);
  }

  MetaspaceOptions options_;
  Pattern replacement_;
};

// \w+|[^\w\s]+ : runs of one kind, white space removed.
std::vector<Span> find_outside_words(std::string_view text) {
  std::vector<Span> spans;
  int last_kind = -1;
  for (std::size_t offset = 0; offset < text.size();) {
    const std::size_t begin = offset;
    const char32_t c = base::next_code_point(text, offset);
    const int kind = text::is_word_character(c) ? 1 : text::is_white_space(c) ? 0 : 2;
    if (kind == last_kind) {
      spans.back().end = offset;
    } else {
      spans.push_back({begin, offset, kind == 0});
    }
    last_kind = kind;
  }
  return spans;
}

}  // namespace

PreTokenizerPtr make_pre_sequence(std::vector<PreTokenizerPtr> parts) {
  return std::make_unique<Sequence>(std::move(parts));
}

PreTokenizerPtr make_metaspace(MetaspaceOptions options) {
  return std::make_unique<Metaspace>(std::move(options));
}

PreTokenizerPtr make_whitespace_split() {
  return splitter(each(text::is_white_space), SplitBehavior::kRemoved);
}

PreTokenizerPtr make_whitespace() {
  return splitter(find_outside_words, SplitBehavior::kRemoved);
}

PreTokenizerPtr make_digits(SplitBehavior behavior) {
  return splitter(each(text::is_numeric), behavior);
}

PreTokenizerPtr make_punctuation(SplitBehavior behavior) {
  return splitter(each(is_bert_punctuation), behavior);
}

PreTokenizerPtr make_bert_pre_tokenizer() {
  std::vector<PreTokenizerPtr> parts;
  parts.push_back(make_whitespace_split());
  parts.push_back(make_punctuation(SplitBehavior::kIsolated));
  return make_pre_sequence(std::move(parts));
}

PreTokenizerPtr make_split(Pattern pattern, SplitOptions options) {
  auto shared = std::make_shared<const Pattern>(std::move(pattern));
  return splitter(
      [shared, invert = options.invert](std::string_view text) {
        std::vector<Span> spans = shared->find(text);
        if (invert) {
          for (Span& span : spans) span.match = !span.match;
        }
        return spans;
      },
      options.behavior);
}

}  // namespace narabi::tokenize
