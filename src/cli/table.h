// A table that grows row by row: aligned text, Markdown, or JSON lines.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "cli/output.h"

namespace narabi::cli {

enum class TableFormat { kText, kMarkdown, kJson };

struct Column {
  std::string key;
  int width = 0;           // of text; the first column is flush left. 0: a column of JSON alone
  int digits = 4;          // of real numbers in text and Markdown
  std::string title = {};  // empty: the key
};

// Nothing: left out of JSON, blank elsewhere.
using Cell = std::variant<std::monostate, std::string, double, std::int64_t>;

class Table {
 public:
  Table(TableFormat format, std::vector<Column> columns);  // to stdout, with its head
  void row(const std::vector<Cell>& cells);                // one per column; flushed at once
  void note(const std::string& text);                      // a line below; nothing in JSON
  void close();

 private:
  std::string line(const std::vector<std::string>& cells) const;

  TableFormat format_;
  std::vector<Column> columns_;
  Output output_;
  bool noted_ = false;
};

}  // namespace narabi::cli
