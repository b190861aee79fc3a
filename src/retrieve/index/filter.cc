#include "retrieve/index/filter.h"

#include <charconv>
#include <cmath>
#include <cstdint>

#include "narabi/error.h"

namespace narabi::retrieve {
namespace {

constexpr int kDeepest = 100;  // nested "not" and parentheses

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) { advance(); }

  FilterSql parse() {
    out_.condition = expression();
    if (kind_ != Kind::kEnd) fail("the end, \"and\" or \"or\"");
    return std::move(out_);
  }

 private:
  enum class Kind { kEnd, kWord, kQuoted, kOperator };

  [[noreturn]] void fail(const std::string& expected) const {
    throw InvalidArgument("filter: expected " + expected + " at byte " + std::to_string(begin_) +
                          ", found " + (kind_ == Kind::kEnd ? "the end" : "\"" + token_ + "\"") +
                          " in: " + std::string(text_));
  }

  void advance() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    begin_ = at_;
    token_.clear();
    if (at_ == text_.size()) {
      kind_ = Kind::kEnd;
    } else if (text_[at_] == '"' || text_[at_] == '\'') {
      take_quoted(text_[at_++]);
    } else if (is_special(text_[at_])) {
      kind_ = Kind::kOperator;
      token_ = text_[at_++];
      if (at_ < text_.size() && text_[at_] == '=' && token_.find_first_of("<>!=") == 0)
        token_ += text_[at_++];
    } else {
      kind_ = Kind::kWord;
      while (at_ < text_.size() && !is_special(text_[at_]) && text_[at_] != ' ' &&
             text_[at_] != '\t' && text_[at_] != '"' && text_[at_] != '\'')
        token_ += text_[at_++];
    }
  }

  static bool is_special(char c) {
    return std::string_view("()<>=!,").find(c) != std::string_view::npos;
  }

  void take_quoted(char quote) {
    kind_ = Kind::kQuoted;
    for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      token_ += text_[at_];
    }
    if (at_ == text_.size()) fail(std::string("a closing ") + quote);
    ++at_;
  }

  bool accept(Kind kind, std::string_view token) {
    if (kind_ != kind || token_ != token) return false;
    advance();
    return true;
  }

  std::string expression() {
    std::string sql = term();
    while (accept(Kind::kWord, "or")) sql = "(" + sql + " OR " + term() + ")";
    return sql;
  }

  std::string term() {
    std::string sql = factor();
    while (accept(Kind::kWord, "and")) sql = "(" + sql + " AND " + factor() + ")";
    return sql;
  }

  std::string factor() {
    if (++depth_ > kDeepest) fail("at most 100 conditions inside each other");
    std::string sql;
    if (accept(Kind::kWord, "not")) {
      sql = "NOT " + factor();
    } else if (accept(Kind::kOperator, "(")) {
      sql = expression();
      if (!accept(Kind::kOperator, ")")) fail("\")\"");
    } else {
      sql = comparison();
    }
    --depth_;
    return sql;
  }

  std::string comparison() {
    if (kind_ != Kind::kWord && kind_ != Kind::kQuoted) fail("a key");
    const std::string key = token_;
    advance();
    if (!is_text(key)) add_path(key);
    if (accept(Kind::kWord, "exists")) return matches(key, "value IS NOT NULL");
    if (accept(Kind::kWord, "in")) return in_list(key);
    const std::string comparison = token_;
    if (kind_ != Kind::kOperator || comparison == "(" || comparison == ")" || comparison == "," ||
        comparison == "!")
      fail("=, !=, <, <=, >, >=, in or exists");
    advance();
    value(key);
    if (comparison == "!=") return "NOT " + matches(key, "value = ?");
    if (comparison == "=" || comparison == "==") return matches(key, "value = ?");
    // SQLite has every text above every number.
    const bool text = std::holds_alternative<std::string>(out_.parameters.back());
    return matches(key, "value " + comparison + " ? AND typeof(value) " +
                            (text ? "= 'text'" : "IN ('integer', 'real')"));
  }

  std::string in_list(const std::string& key) {
    if (!accept(Kind::kOperator, "(")) fail("\"(\"");
    std::string marks;
    do {
      value(key);
      marks += marks.empty() ? "?" : ", ?";
    } while (accept(Kind::kOperator, ","));
    if (!accept(Kind::kOperator, ")")) fail("\",\" or \")\"");
    return matches(key, "value IN (" + marks + ")");
  }

  static bool is_text(const std::string& key) {
    return key == "id" || key == "title" || key == "text";
  }

  // The way to the key's value in the metadata, a parameter: keys are not trusted.
  void add_path(const std::string& key) {
    if (key.find('"') != std::string::npos) fail("a key without \"");
    out_.parameters.emplace_back("$.\"" + key + "\"");
  }

  // The key's value, or each of its elements, as "value".
  static std::string matches(const std::string& key, const std::string& condition) {
    const std::string rows = is_text(key) ? "(SELECT documents." + key + " AS value)"
                                          : "json_each(nullif(documents.metadata, ''), ?)";
    return "EXISTS (SELECT 1 FROM " + rows + " WHERE " + condition + ")";
  }

  void value(const std::string& key) {
    if (kind_ != Kind::kQuoted && kind_ != Kind::kWord) fail("a value");
    if (kind_ == Kind::kQuoted || is_text(key)) {
      out_.parameters.emplace_back(token_);
    } else {
      add_bare();
    }
    advance();
  }

  void add_bare() {
    const char* end = token_.data() + token_.size();
    std::int64_t integer = 0;
    double real = 0;
    if (token_ == "true" || token_ == "false") {
      out_.parameters.emplace_back(std::int64_t{token_ == "true"});
    } else if (const auto done = std::from_chars(token_.data(), end, integer);
               done.ec == std::errc{} && done.ptr == end) {
      out_.parameters.emplace_back(integer);
    } else if (const auto read = std::from_chars(token_.data(), end, real);
               read.ec == std::errc{} && read.ptr == end && std::isfinite(real)) {
      out_.parameters.emplace_back(real);
    } else {
      out_.parameters.emplace_back(token_);
    }
  }

  std::string_view text_;
  std::size_t at_ = 0, begin_ = 0;
  int depth_ = 0;
  Kind kind_ = Kind::kEnd;
  std::string token_;
  FilterSql out_;
};

}  // namespace

FilterSql compile_filter(std::string_view expression) {
  return Parser(expression).parse();
}

}  // namespace narabi::retrieve
