#include "tokenize/pre_tokenizer.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/utf8.h"
#include "text/unicode.h"
#include "tokenize/bert_categories.h"

namespace narabi::tokenize {
namespace {

// Replaces `spans` by all of a text, as matches and what is between.
using Finder = std::function<void(std::string_view text, std::vector<Span>& spans)>;

// Every character that `is` accepts is a match of its own. No plain letter is one.
template <bool (*is)(char32_t)>
void each(std::string_view text, std::vector<Span>& spans) {
  spans.clear();
  bool matched = true;
  for (std::size_t offset = 0; offset < text.size();) {
    const std::size_t begin = offset;
    const char32_t c = base::next_code_point(text, offset);
    const bool match = !text::is_plain_letter(c) && is(c);
    if (match || matched) {
      spans.push_back({begin, offset, match});
    } else {
      spans.back().end = offset;
    }
    matched = match;
  }
}

// Joins, in place, each span with the one before it where joins(its match, match of the one
// before).
template <typename Joins>
void join(std::vector<Span>& spans, Joins joins) {
  std::size_t kept = 0;
  bool before = false;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const Span span = spans[i];
    if (i > 0 && joins(span.match, before)) {
      spans[kept - 1].end = span.end;
    } else {
      spans[kept++] = span;
    }
    before = span.match;
  }
  spans.resize(kept);
}

// Spans to the pieces that are left, as the tokenizers library folds them.
void fold(std::vector<Span>& spans, SplitBehavior behavior) {
  switch (behavior) {
    case SplitBehavior::kIsolated:
      break;
    case SplitBehavior::kRemoved:
      std::erase_if(spans, [](const Span& span) { return span.match; });
      break;
    case SplitBehavior::kContiguous:
      join(spans, [](bool match, bool before) { return match == before; });
      break;
    case SplitBehavior::kMergedWithPrevious:
      join(spans, [](bool match, bool before) { return match && !before; });
      break;
    case SplitBehavior::kMergedWithNext:
      join(spans, [](bool match, bool before) { return !match && before; });
      break;
  }
}

void split_pieces(Pieces& pieces, const Finder& find, SplitBehavior behavior) {
  pieces.next_list.clear();
  for (const Piece& piece : pieces.list) {
    find(pieces.view(piece), pieces.spans);
    fold(pieces.spans, behavior);
    for (const Span& span : pieces.spans) {
      if (span.begin == span.end) continue;
      pieces.next_list.push_back(
          {piece.begin + span.begin, piece.begin + span.end, piece.at_start && span.begin == 0});
    }
  }
  pieces.list.swap(pieces.next_list);
}

class Splitter final : public PreTokenizer {
 public:
  Splitter(Finder find, SplitBehavior behavior) : find_(std::move(find)), behavior_(behavior) {}
  void apply(Pieces& pieces) const override { split_pieces(pieces, find_, behavior_); }

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
  void apply(Pieces& pieces) const override {
    for (const PreTokenizerPtr& part : parts_) part->apply(pieces);
  }

 private:
  std::vector<PreTokenizerPtr> parts_;
};

class Metaspace final : public PreTokenizer {
 public:
  explicit Metaspace(MetaspaceOptions options)
      : options_(std::move(options)), replacement_(Pattern::literal(options_.replacement)) {}

  void apply(Pieces& pieces) const override {
    if (changes(pieces)) rewrite(pieces);
    if (options_.split) {
      split_pieces(
          pieces,
          [this](std::string_view text, std::vector<Span>& spans) {
            replacement_.find(text, spans);
          },
          SplitBehavior::kMergedWithNext);
    }
  }

 private:
  bool prepends(const Piece& piece, std::string_view text) const {
    const bool wanted = options_.prepend == PrependScheme::kAlways ||
                        (options_.prepend == PrependScheme::kFirst && piece.at_start);
    // A leading space becomes the replacement first.
    return wanted && !text.starts_with(options_.replacement) && !text.starts_with(' ');
  }

  bool changes(const Pieces& pieces) const {
    if (pieces.text.find(' ') != std::string::npos) return true;
    return std::any_of(pieces.list.begin(), pieces.list.end(),
                       [&](const Piece& piece) { return prepends(piece, pieces.view(piece)); });
  }

  void rewrite(Pieces& pieces) const {
    std::string& out = pieces.next_text;
    out.clear();
    for (Piece& piece : pieces.list) {
      const std::string_view text = pieces.view(piece);
      piece.begin = out.size();
      if (prepends(piece, text)) out += options_.replacement;
      for (const char c : text) {
        if (c == ' ') {
          out += options_.replacement;
        } else {
          out += c;
        }
      }
      piece.end = out.size();
    }
    pieces.text.swap(out);
    std::erase_if(pieces.list, [](const Piece& piece) { return piece.begin == piece.end; });
  }

  MetaspaceOptions options_;
  Pattern replacement_;
};

// \w+|[^\w\s]+ : runs of one kind, white space removed.
void find_outside_words(std::string_view text, std::vector<Span>& spans) {
  spans.clear();
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
}

}  // namespace

PreTokenizerPtr make_pre_sequence(std::vector<PreTokenizerPtr> parts) {
  return std::make_unique<Sequence>(std::move(parts));
}

PreTokenizerPtr make_metaspace(MetaspaceOptions options) {
  return std::make_unique<Metaspace>(std::move(options));
}

PreTokenizerPtr make_whitespace_split() {
  return splitter(each<text::is_white_space>, SplitBehavior::kRemoved);
}

PreTokenizerPtr make_whitespace() {
  return splitter(find_outside_words, SplitBehavior::kRemoved);
}

PreTokenizerPtr make_digits(SplitBehavior behavior) {
  return splitter(each<text::is_numeric>, behavior);
}

PreTokenizerPtr make_punctuation(SplitBehavior behavior) {
  return splitter(each<is_bert_punctuation>, behavior);
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
      [shared, invert = options.invert](std::string_view text, std::vector<Span>& spans) {
        shared->find(text, spans);
        for (Span& span : spans) span.match = span.match != invert;
      },
      options.behavior);
}

}  // namespace narabi::tokenize
